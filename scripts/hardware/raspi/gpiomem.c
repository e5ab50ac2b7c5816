// SPDX-License-Identifier: GPL-2.0
/*
 * Provides /dev/gpiomem, which Raspberry Pi's own kernel has and Debian's has not: a device that can do one thing,
 * which is to be mapped, and then shows the page of the GPIO controller's registers. Programs that drive pins by
 * registers open it instead of /dev/mem. Only for tests in an emulated Raspberry Pi 3.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

/* Where the BCM2837 has its GPIO registers in physical memory; they take less than a page. */
#define GPIO_REGISTERS 0x3f200000UL

static int gpiomem_mmap(struct file *file, struct vm_area_struct *area)
{
	/* The page and nothing else: whatever lies behind it would be another device. */
	if (area->vm_pgoff != 0 || area->vm_end - area->vm_start > PAGE_SIZE)
		return -EINVAL;

	/* Registers: every access must reach them, at once and in order. */
	area->vm_page_prot = pgprot_noncached(area->vm_page_prot);
	return io_remap_pfn_range(area, area->vm_start, GPIO_REGISTERS >> PAGE_SHIFT,
				  area->vm_end - area->vm_start, area->vm_page_prot);
}

static const struct file_operations gpiomem_operations = {
	.owner = THIS_MODULE,
	.mmap = gpiomem_mmap,
};

static struct miscdevice gpiomem_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "gpiomem",
	.mode = 0660,
	.fops = &gpiomem_operations,
};
module_misc_device(gpiomem_device);

MODULE_DESCRIPTION("The BCM2837's GPIO registers as /dev/gpiomem, for tests");
MODULE_LICENSE("GPL");
