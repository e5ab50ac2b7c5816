#!/bin/sh
# k3s's installer, as far as it concerns us: a unit, and the program that takes all away again.
set -e
[ "$INSTALL_K3S_SKIP_DOWNLOAD" = true ] || { echo "it would fetch k3s itself" >&2; exit 1; }
name=k3s
[ "$INSTALL_K3S_EXEC" = server ] || name=k3s-agent
root="$FAKE/root"
mkdir -p "$root/etc/systemd/system"
echo "[Service]" >"$root/etc/systemd/system/$name.service"
echo "$name made" >>"$FAKE/changes"
cat >"$root/usr/local/bin/$name-uninstall.sh" <<TEXT
#!/bin/sh
echo "$name-uninstall" >>"\$FAKE/changes"
rm -rf "\$FAKE/root/etc/systemd/system/$name.service" "\$FAKE/root/var/lib/rancher" "\$FAKE/root/etc/rancher"
rm -f "\$FAKE/units/$name.service.active" "\$FAKE/root/usr/local/bin/k3s" "\$FAKE/root/usr/local/bin/$name-uninstall.sh"
TEXT
chmod +x "$root/usr/local/bin/$name-uninstall.sh"
