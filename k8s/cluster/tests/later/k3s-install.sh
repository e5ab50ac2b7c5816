#!/bin/sh
# k3s's installer, as far as it concerns us: a unit, and the programs that end k3s and take all away again.
set -e
[ "$INSTALL_K3S_SKIP_DOWNLOAD" = true ] || { echo "it would fetch k3s itself" >&2; exit 1; }
name=k3s
[ "$INSTALL_K3S_EXEC" = server ] || name=k3s-agent
root="$FAKE/root"
mkdir -p "$root/etc/systemd/system"
echo "[Service]" >"$root/etc/systemd/system/$name.service"
echo "$name made" >>"$FAKE/changes"
cat >"$root/usr/local/bin/k3s-killall.sh" <<TEXT
#!/bin/sh
echo "k3s-killall" >>"\$FAKE/changes"
rm -f "\$FAKE/units/$name.service.active"
iptables-save | grep -v KUBE- | grep -v CNI- | grep -iv flannel | iptables-restore
TEXT
cat >"$root/usr/local/bin/$name-uninstall.sh" <<TEXT
#!/bin/sh
"\$FAKE/root/usr/local/bin/k3s-killall.sh"
echo "$name-uninstall" >>"\$FAKE/changes"
rm -rf "\$FAKE/root/etc/systemd/system/$name.service" "\$FAKE/root/var/lib/rancher" "\$FAKE/root/etc/rancher"
rm -f "\$FAKE/units/$name.service.active" "\$FAKE/root/usr/local/bin/k3s" "\$FAKE/root/usr/local/bin/$name-uninstall.sh" "\$FAKE/root/usr/local/bin/k3s-killall.sh"
TEXT
chmod +x "$root/usr/local/bin/$name-uninstall.sh" "$root/usr/local/bin/k3s-killall.sh"
