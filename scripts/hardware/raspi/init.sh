#!/bin/busybox sh
# shellcheck shell=dash
# The first program of the emulated Raspberry Pi: makes a small Linux system, runs /command and powers the board off.
# What /command prints lies between two marks on the serial console, made from the word in /mark, so that
# raspi-guest.sh can tell it from what the kernel says.

/bin/busybox --install -s /bin
export PATH=/usr/local/bin:/bin HOME=/root TERM=dumb
mark="$(cat /mark)"

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# /tmp and /run need nothing: the root is in memory itself, and what raspi-guest.sh put there stays.
chmod 1777 /tmp
ip link set lo up

# Without the watchdog a power-off would only halt the processor.
insmod /modules/bcm2835_wdt.ko || echo "bcm2835_wdt.ko could not be loaded"
insmod /modules/gpiomem.ko || { echo "gpiomem.ko could not be loaded"; poweroff -f; }
# Pins are to be reached the way a container reaches them, and no other.
rm -f /dev/mem /dev/kmem /dev/port

# From here on the console carries the command's bytes as they are, and nothing of the kernel's but its last words.
stty -opost </dev/console
dmesg -n 1
cd /
echo "$mark begin"
/bin/sh /command </dev/null 2>&1
echo "$mark end $?"
poweroff -f
