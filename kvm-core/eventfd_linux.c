// SPDX-License-Identifier: GPL-2.0
/*
 * eventfds at both ends of the fabric. irqfd: user space (or a kernel driver)
 * signals an eventfd and a gsi is raised, straight from the wake-up, in
 * whatever context that is. With a resample eventfd the gsi is a level: it is
 * lowered when the guest ends the interrupt, and the resample eventfd is told.
 * ioeventfd: a guest's write to an address signals an eventfd instead of
 * leaving to user space. Semantics: Documentation/virt/kvm/api.rst.
 *
 * An irqfd ends by being deassigned, by its eventfd's last close (a hang-up),
 * or with the VM; whoever takes it off the list first hands it to the VM's
 * workqueue, which unhooks and frees it.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/kvm.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include "compat_linux.h"
#include "kvm-core/irq_private.h"

/* All irqfds of one gsi that resample share its line and its ack. */
struct resampler {
	struct vm *vm;
	struct work_struct tell;
	struct irq_ack_notifier ack;
	struct list_head irqfds;	/* read under q->srcu */
	struct list_head link;		/* q->resamplers, under q->mutex */
};

struct irqfd {
	struct vm *vm;
	u32 gsi;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table pt;
	struct work_struct close;
	struct list_head link;		/* q->irqfds, or empty: being closed */
	struct resampler *resampler;
	struct eventfd_ctx *resample_ctx;
	struct list_head resample_link;
};

struct ioeventfd {
	struct bus_dev dev;
	struct eventfd_ctx *ctx;
	struct list_head link;		/* q->ioeventfds */
	int bus;
	u64 addr;
	u32 len;			/* 0: any */
	bool any_data;
	u64 datamatch;
};

/* ---- irqfd: signalled -------------------------------------------------------------- */

static void irqfd_inject(struct irqfd *f)
{
	if (f->resampler) {
		vm_irq_set(f->vm, IRQ_SOURCE_RESAMPLE, f->gsi, 1);
		return;
	}
	vm_irq_set(f->vm, IRQ_SOURCE_IRQFD, f->gsi, 1);
	vm_irq_set(f->vm, IRQ_SOURCE_IRQFD, f->gsi, 0);
}

/* Called with the eventfd's lock held and interrupts off. */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync,
			void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	struct vm_irq *q = f->vm->irq;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	int taken = 0;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(f->ctx, &count);
		irqfd_inject(f);
		taken = 1;
	}
	if (!(events & EPOLLHUP))
		return taken;
	spin_lock_irqsave(&q->irqfds_lock, flags);
	if (!list_empty(&f->link)) {
		list_del_init(&f->link);
		queue_work(q->wq, &f->close);
	}
	spin_unlock_irqrestore(&q->irqfds_lock, flags);
	return taken;
}

static void irqfd_hook(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct irqfd *f = container_of(pt, struct irqfd, pt);

	add_wait_queue_priority(wqh, &f->wait);
}

/* ---- resampling ------------------------------------------------------------------------ */

static void resample_tell(struct work_struct *work)
{
	struct resampler *r = container_of(work, struct resampler, tell);
	struct vm_irq *q = r->vm->irq;
	struct irqfd *f;
	int idx;

	idx = srcu_read_lock(&q->srcu);
	list_for_each_entry_srcu(f, &r->irqfds, resample_link,
				 srcu_read_lock_held(&q->srcu))
		compat_eventfd_signal(f->resample_ctx);
	srcu_read_unlock(&q->srcu, idx);
}

static void resample_acked(struct irq_ack_notifier *n)
{
	struct resampler *r = container_of(n, struct resampler, ack);
	struct vm_irq *q = r->vm->irq;

	vm_irq_set(r->vm, IRQ_SOURCE_RESAMPLE, n->gsi, 0);
	if (unlikely(irq_many_resample(q)))
		queue_work(q->wq, &r->tell);
	else
		resample_tell(&r->tell);
}

static struct resampler *resampler_find(struct vm_irq *q, u32 gsi)
{
	struct resampler *r;

	list_for_each_entry(r, &q->resamplers, link)
		if (r->ack.gsi == gsi)
			return r;
	return NULL;
}

/* q->mutex held. */
static struct resampler *resampler_get(struct vm_irq *q, u32 gsi)
{
	struct resampler *r = resampler_find(q, gsi);

	if (r)
		return r;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return NULL;
	r->vm = q->vm;
	INIT_WORK(&r->tell, resample_tell);
	r->ack.gsi = gsi;
	r->ack.acked = resample_acked;
	INIT_LIST_HEAD(&r->irqfds);
	list_add(&r->link, &q->resamplers);
	list_add_rcu(&r->ack.link, &q->acks);
	return r;
}

static int resampler_join(struct irqfd *f, int fd)
{
	struct vm_irq *q = f->vm->irq;
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&q->mutex);
	f->resampler = resampler_get(q, f->gsi);
	if (f->resampler) {
		f->resample_ctx = ctx;
		list_add_rcu(&f->resample_link, &f->resampler->irqfds);
		WRITE_ONCE(q->resampling, q->resampling + 1);
	}
	mutex_unlock(&q->mutex);
	if (f->resampler)
		return 0;
	eventfd_ctx_put(ctx);
	return -ENOMEM;
}

/* The last to leave lowers the line: nobody would any more. */
static void resampler_leave(struct irqfd *f)
{
	struct vm_irq *q = f->vm->irq;
	struct resampler *r = f->resampler;
	bool last;

	if (!r)
		return;
	mutex_lock(&q->mutex);
	list_del_rcu(&f->resample_link);
	WRITE_ONCE(q->resampling, q->resampling - 1);
	last = list_empty(&r->irqfds);
	if (last) {
		list_del(&r->link);
		list_del_rcu(&r->ack.link);
		vm_irq_set(f->vm, IRQ_SOURCE_RESAMPLE, f->gsi, 0);
	}
	mutex_unlock(&q->mutex);
	synchronize_srcu(&q->srcu);
	if (last) {
		cancel_work_sync(&r->tell);
		kfree(r);
	}
	eventfd_ctx_put(f->resample_ctx);
}

/* ---- irqfd: assign and close -------------------------------------------------------------- */

static void irqfd_close(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, close);
	u64 count;

	eventfd_ctx_remove_wait_queue(f->ctx, &f->wait, &count);
	resampler_leave(f);
	eventfd_ctx_put(f->ctx);
	kfree(f);
}

/* One eventfd raises one gsi of a VM. */
static int irqfd_publish(struct vm_irq *q, struct irqfd *f)
{
	struct irqfd *other;
	int err = 0;

	spin_lock_irq(&q->irqfds_lock);
	list_for_each_entry(other, &q->irqfds, link)
		if (other->ctx == f->ctx)
			err = -EBUSY;
	if (!err)
		list_add_tail(&f->link, &q->irqfds);
	spin_unlock_irq(&q->irqfds_lock);
	return err;
}

static struct irqfd *irqfd_alloc(struct vm *vm, const struct kvm_irqfd *args,
				 struct file *file)
{
	struct irqfd *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	f->vm = vm;
	f->gsi = args->gsi;
	INIT_WORK(&f->close, irqfd_close);
	INIT_LIST_HEAD(&f->link);
	init_waitqueue_func_entry(&f->wait, irqfd_wakeup);
	init_poll_funcptr(&f->pt, irqfd_hook);
	f->ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(f->ctx)) {
		err = PTR_ERR(f->ctx);
		goto free;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		err = resampler_join(f, args->resamplefd);
		if (err)
			goto put_ctx;
	}
	return f;

put_ctx:
	eventfd_ctx_put(f->ctx);
free:
	kfree(f);
	return ERR_PTR(err);
}

/*
 * On the list before it is hooked: nobody can close it in between, since a
 * hang-up needs the file's last reference gone and deassign the setup mutex.
 */
static int irqfd_assign_file(struct vm *vm, const struct kvm_irqfd *args,
			     struct file *file)
{
	struct irqfd *f = irqfd_alloc(vm, args, file);
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = irqfd_publish(vm->irq, f);
	if (err) {
		resampler_leave(f);
		eventfd_ctx_put(f->ctx);
		kfree(f);
		return err;
	}
	if (vfs_poll(file, &f->pt) & EPOLLIN)
		irqfd_inject(f);
	return 0;
}

static int irqfd_assign(struct vm *vm, const struct kvm_irqfd *args)
{
	enum irqchip_mode mode = vm_irq_mode(vm);
	struct fd f;
	int err;

	if (mode == IRQCHIP_NONE ||
	    (args->flags & KVM_IRQFD_FLAG_RESAMPLE && mode != IRQCHIP_KERNEL))
		return -EINVAL;
	f = fdget(args->fd);
	if (!fd_file(f))
		return -EBADF;
	mutex_lock(&vm->irq->setup_mutex);
	err = irqfd_assign_file(vm, args, fd_file(f));
	mutex_unlock(&vm->irq->setup_mutex);
	fdput(f);
	return err;
}

/* Close every irqfd that is @ctx's and raises @gsi; all, if @ctx is NULL. */
static void irqfd_close_matching(struct vm_irq *q, struct eventfd_ctx *ctx, u32 gsi)
{
	struct irqfd *f, *next;

	spin_lock_irq(&q->irqfds_lock);
	list_for_each_entry_safe(f, next, &q->irqfds, link) {
		if (ctx && (f->ctx != ctx || f->gsi != gsi))
			continue;
		list_del_init(&f->link);
		queue_work(q->wq, &f->close);
	}
	spin_unlock_irq(&q->irqfds_lock);
	/* Also one that hung up before we came is gone when we return. */
	flush_workqueue(q->wq);
}

static int irqfd_deassign(struct vm *vm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&vm->irq->setup_mutex);
	irqfd_close_matching(vm->irq, ctx, args->gsi);
	mutex_unlock(&vm->irq->setup_mutex);
	eventfd_ctx_put(ctx);
	return 0;
}

int vm_irq_irqfd(struct vm *vm, const struct kvm_irqfd *args)
{
	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->gsi >= VROUTE_MAX)
		return -EINVAL;
	return args->flags & KVM_IRQFD_FLAG_DEASSIGN ? irqfd_deassign(vm, args) :
						       irqfd_assign(vm, args);
}

/* ---- ioeventfd --------------------------------------------------------------------------- */

static bool data_matches(const struct ioeventfd *p, unsigned int len,
			 const void *data)
{
	u64 val = 0;

	if (p->any_data)
		return true;
	memcpy(&val, data, min_t(unsigned int, len, sizeof(val)));
	return val == p->datamatch;
}

static int ioeventfd_read(struct bus_dev *dev, struct vcpu *v, gpa_t addr,
			  unsigned int len, void *data)
{
	return -EOPNOTSUPP;
}

static int ioeventfd_write(struct bus_dev *dev, struct vcpu *v, gpa_t addr,
			   unsigned int len, const void *data)
{
	struct ioeventfd *p = container_of(dev, struct ioeventfd, dev);

	if (addr != p->addr || (p->len && len != p->len) ||
	    !data_matches(p, len, data))
		return -EOPNOTSUPP;
	compat_eventfd_signal(p->ctx);
	return 0;
}

static const struct bus_dev_ops ioeventfd_ops = {
	.read = ioeventfd_read,
	.write = ioeventfd_write,
};

static bool ioeventfd_args_ok(const struct kvm_ioeventfd *args)
{
	const u32 known = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
			  KVM_IOEVENTFD_FLAG_DEASSIGN;

	if (args->flags & ~known || args->addr + args->len < args->addr)
		return false;
	if (!args->len)		/* any length has no data to compare */
		return !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH);
	return args->len <= 8 && is_power_of_2(args->len);
}

static u64 args_datamatch(const struct kvm_ioeventfd *args)
{
	return args->len == 8 || !args->len ? args->datamatch :
		args->datamatch & ((1ULL << args->len * 8) - 1);
}

static struct ioeventfd ioeventfd_from(const struct kvm_ioeventfd *args,
				       struct eventfd_ctx *ctx)
{
	return (struct ioeventfd) {
		.dev = { .ops = &ioeventfd_ops, .uncounted = true },
		.ctx = ctx,
		.bus = args->flags & KVM_IOEVENTFD_FLAG_PIO ? VM_BUS_PIO :
							      VM_BUS_MMIO,
		.addr = args->addr,
		.len = args->len,
		.any_data = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
		.datamatch = args_datamatch(args),
	};
}

/* Would one write signal both? */
static bool collides(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->bus == b->bus && a->addr == b->addr &&
	       (!a->len || !b->len || a->len == b->len) &&
	       (a->any_data || b->any_data || a->datamatch == b->datamatch);
}

static bool same(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->ctx == b->ctx && a->bus == b->bus && a->addr == b->addr &&
	       a->len == b->len && a->any_data == b->any_data &&
	       (a->any_data || a->datamatch == b->datamatch);
}

/* Set-up mutex held. @p->ctx is ours to keep on success. */
static int ioeventfd_add(struct vm_irq *q, struct ioeventfd *p)
{
	struct ioeventfd *other;
	int err;

	list_for_each_entry(other, &q->ioeventfds, link)
		if (collides(p, other))
			return -EEXIST;
	err = vm_bus_add(q->vm, p->bus, p->addr, p->len, &p->dev);
	if (!err)
		list_add(&p->link, &q->ioeventfds);
	return err;
}

static int ioeventfd_assign(struct vm_irq *q, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct ioeventfd *p;
	int err = -ENOMEM;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		goto put_ctx;
	*p = ioeventfd_from(args, ctx);
	mutex_lock(&q->setup_mutex);
	err = ioeventfd_add(q, p);
	mutex_unlock(&q->setup_mutex);
	if (err)
		goto free;
	return 0;

free:
	kfree(p);
put_ctx:
	eventfd_ctx_put(ctx);
	return err;
}

/* After vm_bus_del nobody is in the device's functions any more. */
static void ioeventfd_remove(struct vm_irq *q, struct ioeventfd *p)
{
	list_del(&p->link);
	vm_bus_del(q->vm, p->bus, &p->dev);
	eventfd_ctx_put(p->ctx);
	kfree(p);
}

static int ioeventfd_deassign(struct vm_irq *q, const struct kvm_ioeventfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct ioeventfd wanted, *p, *next;
	int err = -ENOENT;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	wanted = ioeventfd_from(args, ctx);
	mutex_lock(&q->setup_mutex);
	list_for_each_entry_safe(p, next, &q->ioeventfds, link) {
		if (!same(p, &wanted))
			continue;
		ioeventfd_remove(q, p);
		err = 0;
		break;
	}
	mutex_unlock(&q->setup_mutex);
	eventfd_ctx_put(ctx);
	return err;
}

int vm_irq_ioeventfd(struct vm *vm, const struct kvm_ioeventfd *args)
{
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		return ioeventfd_deassign(vm->irq, args);
	if (!ioeventfd_args_ok(args))
		return -EINVAL;
	return ioeventfd_assign(vm->irq, args);
}

/* ---- the VM's life ------------------------------------------------------------------------- */

int eventfds_init(struct vm_irq *q)
{
	spin_lock_init(&q->irqfds_lock);
	INIT_LIST_HEAD(&q->irqfds);
	INIT_LIST_HEAD(&q->resamplers);
	INIT_LIST_HEAD(&q->ioeventfds);
	q->wq = alloc_workqueue("backplane-irqfd", 0, 0);
	return q->wq ? 0 : -ENOMEM;
}

void eventfds_shutdown(struct vm_irq *q)
{
	irqfd_close_matching(q, NULL, 0);
}

void eventfds_free(struct vm_irq *q)
{
	struct ioeventfd *p, *next;

	eventfds_shutdown(q);
	destroy_workqueue(q->wq);
	/* No vCPU is left to look at the buses, which go next: nothing to take from them. */
	list_for_each_entry_safe(p, next, &q->ioeventfds, link) {
		eventfd_ctx_put(p->ctx);
		kfree(p);
	}
}
