# SPDX-License-Identifier: GPL-2.0
# The pure objects, listed once. Kbuild links them into the modules; the tests
# build the same list under the sanitizers.

gpm-pure	:= gpm/gpm.o gpm/gpm_try.o
emul-pure	:= kvm-core/insn.o kvm-core/insn_tab.o kvm-core/emul.o \
		   kvm-core/emul_alu.o kvm-core/emul_mem.o \
		   kvm-core/emul_int.o kvm-core/emul_math.o \
		   kvm-core/emul_flow.o kvm-core/emul_seg.o \
		   kvm-core/emul_desc.o \
		   kvm-core/emul_string.o kvm-core/emul_sys.o \
		   kvm-core/emul_sse.o kvm-core/emul_move.o
kvm-core-pure	:= kvm-core/slots.o kvm-core/bus.o kvm-core/dring.o \
		   $(emul-pure) kvm-core/gwalk.o kvm-core/vlapic.o \
		   kvm-core/vlapic_timer.o kvm-core/vlapic_state.o \
		   kvm-core/vdest.o kvm-core/vroute.o kvm-core/vioapic.o \
		   kvm-core/vpic.o kvm-core/vpit.o \
		   kvm-core/vcpuid.o kvm-core/vmsr.o kvm-core/excp.o \
		   kvm-core/vclock.o kvm-core/pv.o kvm-core/smm.o \
		   kvm-core/task.o kvm-core/msrfilter.o kvm-core/mce.o \
		   kvm-core/smmu.o kvm-core/smmu_page.o kvm-core/smmu_sync.o \
		   kvm-core/vpoll.o kvm-core/sysenter.o
svm-pure	:= svm/permmap.o svm/inject.o svm/asid.o
iommu-amd-pure	:= iommu-amd/dte.o iommu-amd/ring.o iommu-amd/cmd.o \
		   iommu-amd/engine.o iommu-amd/fleet.o iommu-amd/evlog.o \
		   iommu-amd/event.o iommu-amd/ivrs.o iommu-amd/irte.o \
		   iommu-amd/group.o
msi-pure	:= msi/msg.o msi/vmsi.o msi/vmsix.o
pci-assign-pure	:= pci-assign/vcfg.o pci-assign/vcfg_tab.o pci-assign/vbar.o \
		   pci-assign/storm.o

pure-objs := $(gpm-pure) $(kvm-core-pure) $(svm-pure) $(iommu-amd-pure) \
	     $(msi-pure) $(pci-assign-pure)
