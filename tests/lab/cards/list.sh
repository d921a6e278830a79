# SPDX-License-Identifier: GPL-2.0
#
# The cards of the matrix. One line of words per card:
#
#   card BOOT NAME WHERE DRIVER WORK INTERRUPT [-- arguments of the machine]
#
# BOOT groups the cards that share one boot of the emulated host and one guest;
# one that begins with "extra-" runs only by name: not all of it has passed yet.
# WHERE is the host's slot on the root bus; "0c.0/" is the function behind the
# port in 0c.0, "0d.0//" two bridges down, "06.0@" a virtual function of 06.0.
# Two functions of one host slot share a slot of the guest, too. DRIVER is the
# guest's module, after those that must be loaded before it, with commas ("-":
# the card has none, user space drives it). WORK is a
# function of tests/lab/host/guest-cards.sh; INTERRUPT is what the guest must be
# seen to use: MSI-X, MSI, INTx or none. Every network card has a network
# 10.0.<number>.0/24 of its own with an echo at .100 port 7; every disk has an
# image of its own, which is compared at the end. What is missing, and why:
# docs/cards.md. Sourced by tests/lab/cards/run.

net() # NUMBER: a network that echoes 1 MiB
{
	printf '%s\n' --arg -netdev --arg \
		"user,id=n$1,net=10.0.$1.0/24,guestfwd=tcp:10.0.$1.100:7-cmd:head -c 1048576"
}
disk() # NAME: an image for the card of that name
{
	printf '%s\n' --arg -drive --arg "if=none,id=d-$1,format=raw,file=build/lab/cards-$1.img"
}
virtio=iommu_platform=on,disable-legacy=on

cards()
{
	# ---- network
	card net e1000e	06.0 e1000e net:11 MSI-X -- $(net 11) \
		--device e1000e,netdev=n11,addr=06.0,romfile=
	card net e1000	07.0 e1000 net:12 INTx -- $(net 12) \
		--device e1000,netdev=n12,addr=07.0,romfile=
	card net rtl8139 08.0 8139cp net:13 INTx -- $(net 13) \
		--device rtl8139,netdev=n13,addr=08.0,romfile=
	card net pcnet	09.0 pcnet32 net:14 INTx -- $(net 14) \
		--device pcnet,netdev=n14,addr=09.0,romfile=
	card net vmxnet3 0a.0 vmxnet3 net:15 MSI-X -- $(net 15) \
		--device vmxnet3,netdev=n15,addr=0a.0,romfile=
	card net virtio-net 0b.0 virtio_pci,virtio_net net:16 MSI-X -- $(net 16) \
		--device virtio-net-pci,netdev=n16,addr=0b.0,romfile=,$virtio
	card net2 i82559er 06.0 e100 net:17 INTx -- $(net 17) \
		--device i82559er,netdev=n17,addr=06.0,romfile=
	card net2 tulip 07.0 tulip net:18 INTx -- $(net 18) \
		--device tulip,netdev=n18,addr=07.0
	card net2 e1000-82545em 08.0 e1000 net:19 INTx -- $(net 19) \
		--device e1000-82545em,netdev=n19,addr=08.0,romfile=
	card net2 e1000-82544gc 09.0 e1000 net:51 INTx -- $(net 51) \
		--device e1000-82544gc,netdev=n51,addr=09.0,romfile=
	card net2 ne2k_pci 0a.0 ne2k-pci net:52 INTx -- $(net 52) \
		--device ne2k_pci,netdev=n52,addr=0a.0,romfile=
	card net2 i82801 0b.0 e100 net:53 INTx -- $(net 53) \
		--device i82801,netdev=n53,addr=0b.0,romfile=
	card net3 igb	06.0 igb net:54 MSI-X -- $(net 54) \
		--device igb,netdev=n54,addr=06.0,romfile=
	card net3 i82550 07.0 e100 net:55 INTx -- $(net 55) \
		--device i82550,netdev=n55,addr=07.0,romfile=
	card net3 i82557b 08.0 e100 net:56 INTx -- $(net 56) \
		--device i82557b,netdev=n56,addr=08.0,romfile=
	card net3 i82558b 09.0 e100 net:57 INTx -- $(net 57) \
		--device i82558b,netdev=n57,addr=09.0,romfile=
	card net3 i82559c 0a.0 e100 net:58 INTx -- $(net 58) \
		--device i82559c,netdev=n58,addr=0a.0,romfile=
	card net3 i82562 0b.0 e100 net:59 INTx -- $(net 59) \
		--device i82562,netdev=n59,addr=0b.0,romfile=

	# ---- storage
	card disk nvme	06.0 nvme disk MSI-X -- $(disk nvme) \
		--device nvme,drive=d-nvme,serial=lab,addr=06.0
	card disk ahci	07.0 ahci disk MSI -- $(disk ahci) \
		--device ich9-ahci,id=sata,addr=07.0 --device ide-hd,drive=d-ahci,bus=sata.0
	card disk virtio-blk 08.0 virtio_pci,virtio_blk disk MSI-X -- $(disk virtio-blk) \
		--device virtio-blk-pci,drive=d-virtio-blk,addr=08.0,$virtio
	card disk megasas 0b.0 megaraid_sas disk MSI-X -- $(disk megasas) \
		--device megasas,id=mega,addr=0b.0 --device scsi-hd,drive=d-megasas,bus=mega.0
	card disk xhci	0c.0 usb_storage,xhci_pci disk MSI-X -- $(disk xhci) \
		--device qemu-xhci,id=usb,addr=0c.0 --device usb-storage,drive=d-xhci,bus=usb.0

	card usb nec-xhci 06.0 usb_storage,xhci_pci disk MSI-X -- $(disk nec-xhci) \
		--device nec-usb-xhci,id=nec,addr=06.0 --device usb-storage,drive=d-nec-xhci,bus=nec.0
	card usb usb-ehci 07.0 usb_storage,ehci_pci disk INTx -- $(disk usb-ehci) \
		--device usb-ehci,id=ehci,addr=07.0 --device usb-storage,drive=d-usb-ehci,bus=ehci.0
	card usb ich9-usb-uhci 08.0 usb_storage,uhci_hcd disk INTx -- $(disk ich9-usb-uhci) \
		--device ich9-usb-uhci4,id=uhci,addr=08.0 --device usb-storage,drive=d-ich9-usb-uhci,bus=uhci.0
	card ohci pci-ohci 09.0 usb_storage,ohci_pci disk INTx -- $(disk pci-ohci) \
		--device pci-ohci,id=ohci,addr=09.0 --device usb-storage,drive=d-pci-ohci,bus=ohci.0

	card disk2 virtio-scsi 06.0 virtio_pci,virtio_scsi disk MSI-X -- $(disk virtio-scsi) \
		--device virtio-scsi-pci,id=vs,addr=06.0,$virtio --device scsi-hd,drive=d-virtio-scsi,bus=vs.0
	card disk2 pvscsi 07.0 vmw_pvscsi disk MSI -- $(disk pvscsi) \
		--device pvscsi,id=pv,addr=07.0 --device scsi-hd,drive=d-pvscsi,bus=pv.0
	card disk2 sdhci 08.0 mmc_block,sdhci_pci disk INTx -- $(disk sdhci) \
		--device sdhci-pci,id=sd,addr=08.0 --device sd-card,drive=d-sdhci
	card disk2 mptsas1068 09.0 mptsas disk INTx -- $(disk mptsas1068) \
		--device mptsas1068,id=mpt,addr=09.0 --device scsi-hd,drive=d-mptsas1068,bus=mpt.0,wwn=0x5000c50015ea71ac

	card more megasas-gen2 06.0 megaraid_sas disk MSI-X -- $(disk megasas-gen2) \
		--device megasas-gen2,id=mega2,addr=06.0 --device scsi-hd,drive=d-megasas-gen2,bus=mega2.0
	# needs a guest with Linux 6.7: the driver of 6.1 does not know the id
	card extra-ufs ufs 07.0 ufshcd_pci disk INTx -- $(disk ufs) \
		--device ufs,serial=lab,id=ufs0,addr=07.0 --device ufs-lu,drive=d-ufs,bus=ufs0,lun=0
	card piix piix3-usb-uhci 08.0 usb_storage,uhci_hcd disk INTx -- $(disk piix3-usb-uhci) \
		--device piix3-usb-uhci,id=uhci3,addr=08.0 --device usb-storage,drive=d-piix3-usb-uhci,bus=uhci3.0
	card more virtio-serial 09.0 virtio_pci,virtio_console vport MSI-X -- \
		--arg -chardev --arg file,id=vser,path=build/lab/cards-virtio-serial.img \
		--device virtio-serial-pci,id=vser0,addr=09.0,$virtio --device virtserialport,chardev=vser,bus=vser0.0

	card more ivshmem-plain 0a.0 - shmem none -- \
		--arg -object --arg memory-backend-file,id=shm,size=4M,share=on,mem-path=build/lab/cards-ivshmem-plain.img \
		--device ivshmem-plain,memdev=shm,addr=0a.0

	# ---- parallel SCSI: its SCRIPTS processor reaches its own BARs by DMA
	# (pci-assign's peer_dma); the older one's are below a page, which has to be
	# theirs alone
	card scsi lsi53c895a 06.0 sym53c8xx disk INTx -- $(disk lsi53c895a) \
		--device lsi53c895a,id=lsi,addr=06.0 --device scsi-hd,drive=d-lsi53c895a,bus=lsi.0

	card scsi lsi53c810 07.0 sym53c8xx disk INTx -- $(disk lsi53c810) \
		--device lsi53c810,id=lsi8,addr=07.0 --device scsi-hd,drive=d-lsi53c810,bus=lsi8.0

	card esp am53c974 08.0 am53c974 disk INTx -- $(disk am53c974) \
		--device am53c974,id=esp,addr=08.0 --device scsi-hd,drive=d-am53c974,bus=esp.0
	card dc390 dc390 09.0 am53c974 disk INTx -- $(disk dc390) \
		--device dc390,id=dc,addr=09.0 --device scsi-hd,drive=d-dc390,bus=dc.0

	# ---- the rest
	card misc edu	05.0 - edu none
	card misc pci-testdev 06.0 - testdev none -- \
		--device pci-testdev,addr=06.0,romfile=build/lab/cards-rom.bin
	card misc intel-hda 07.0 snd_hda_intel sound MSI -- \
		--arg -audiodev --arg wav,id=snd,path=build/lab/cards-intel-hda.wav,out.frequency=48000 \
		--device intel-hda,id=hda,addr=07.0 --device hda-duplex,audiodev=snd,bus=hda.0,mixer=off
	card misc secondary-vga 08.0 bochs screen none -- \
		--device secondary-vga,addr=08.0
	card misc multifunction-rtl8139 0a.0 8139cp net:21 INTx -- $(net 21) \
		--device rtl8139,netdev=n21,addr=0a.0,multifunction=on,romfile=
	card misc multifunction-e1000 0a.1 e1000 net:22 INTx -- $(net 22) \
		--device e1000,netdev=n22,addr=0a.1,romfile=
	card sound ich9-hda 06.0 snd_hda_intel sound MSI -- \
		--arg -audiodev --arg wav,id=s1,path=build/lab/cards-ich9-hda.wav,out.frequency=48000 \
		--device ich9-intel-hda,id=hda9,addr=06.0 --device hda-duplex,audiodev=s1,bus=hda9.0,mixer=off
	card sound AC97 07.0 snd_intel8x0 sound INTx -- \
		--arg -audiodev --arg wav,id=s2,path=build/lab/cards-AC97.wav,out.frequency=48000 \
		--device AC97,audiodev=s2,addr=07.0
	# its clock divides to 44,100 Hz, not to 48,000
	card sound ES1370 08.0 snd_ens1370 sound:44100 INTx -- \
		--arg -audiodev --arg wav,id=s3,path=build/lab/cards-ES1370.wav,out.frequency=44100 \
		--device ES1370,audiodev=s3,addr=08.0
	card sound virtio-rng 09.0 virtio_pci,virtio-rng rng MSI-X -- \
		--arg -object --arg rng-builtin,id=rng --device virtio-rng-pci,rng=rng,addr=09.0,$virtio
	card sound pci-serial 0a.0 - serial none -- \
		--arg -chardev --arg file,id=ser,path=build/lab/cards-pci-serial.img --device pci-serial,chardev=ser,addr=0a.0
	card cirrus cirrus-vga 06.0 cirrus screen none -- \
		--device cirrus-vga,addr=06.0
	card bochs bochs-display 06.0 bochs screen none -- \
		--device bochs-display,addr=06.0
	card vga VGA	06.0 bochs screen none -- \
		--device VGA,addr=06.0

	# ---- behind bridges
	card bridge root-port-e1000e 06.0/ e1000e net:31 MSI-X -- $(net 31) \
		--device pcie-root-port,id=rp1,chassis=1,slot=1,addr=06.0 \
		--device e1000e,netdev=n31,bus=rp1,romfile=
	card bridge pci-bridge-e1000 07.0// e1000 net:32 INTx -- $(net 32) \
		--device pcie-root-port,id=rp2,chassis=2,slot=2,addr=07.0 \
		--device pcie-pci-bridge,id=br,bus=rp2 \
		--device e1000,netdev=n32,bus=br,addr=03.0,romfile=

	card bridge ports 08.0/ - ports none -- \
		--device pcie-root-port,id=rp3,chassis=3,slot=3,addr=08.0 \
		--device pci-testdev,bus=rp3

	# ---- virtual functions
	card sriov igb-vf 06.0@ igbvf net:41 MSI-X -- $(net 41) \
		--device igb,netdev=n41,addr=06.0,romfile=
	card sriov nvme-vf 07.0@ nvme disk MSI-X -- $(disk nvme-vf) \
		--device nvme-subsys,id=ss \
		--device nvme,id=pf,serial=lab,subsys=ss,sriov_max_vfs=1,sriov_vq_flexible=2,sriov_vi_flexible=1,addr=07.0 \
		--device nvme-ns,drive=d-nvme-vf,bus=pf
}
