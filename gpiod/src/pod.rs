//! Which pod of a cluster a process belongs to, as far as its cgroup tells: for whoever reads the audit, and no right
//! depends on it.
//!
//! The kubelet puts each pod into a cgroup that has the pod's uid in its name, below `kubepods`: `pod<uid>` with its
//! cgroupfs driver, `kubepods-burstable-pod<uid>.slice` with systemd's, where the uid's hyphens are underscores
//! (Kubernetes, pkg/kubelet/cm/cgroup_manager_linux.go). The uid of a static pod is a hash of 32 digits without any.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most that is read of a process's cgroups: 12 controllers of version 1 with long paths have some 3 KiB.
const MOST_BYTES: u64 = 8 * 1024;
/// What the cgroups of pods are below.
const KUBEPODS: &str = "kubepods";

/// A pod's uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod([u8; 16]);

impl Pod {
    /// The pod of a process that is visible here; `None` for one that is in no pod, or whose cgroup can not be read.
    pub(crate) fn of_process(pid: u32) -> Option<Self> {
        Self::in_file(&Path::new("/proc").join(pid.to_string()).join("cgroup"))
    }

    fn in_file(path: &Path) -> Option<Self> {
        let mut text = Vec::new();
        File::open(path).ok()?.take(MOST_BYTES).read_to_end(&mut text).ok()?;
        Self::in_cgroups(&String::from_utf8_lossy(&text))
    }

    /// The pod that a line of `/proc/PID/cgroup` names: `hierarchy:controllers:path`, cgroups(7).
    fn in_cgroups(text: &str) -> Option<Self> {
        let path = |line: &str| line.splitn(3, ':').nth(2).map(str::to_owned);
        let in_path = |path: String| {
            // What a pod makes below its own cgroup has names of its own choice: the first is the kubelet's.
            let (_, below) = path.split_once(KUBEPODS)?;
            below.split('/').find_map(Self::in_name)
        };
        text.lines().filter_map(path).find_map(in_path)
    }

    /// The uid in the name of one cgroup.
    fn in_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".slice").unwrap_or(name);
        let uid = name.strip_prefix("pod").or_else(|| name.rsplit_once("-pod").map(|(_, uid)| uid))?;
        let digits: String = uid.chars().filter(|digit| !matches!(digit, '-' | '_')).collect();
        let whole = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        whole.then(|| u128::from_str_radix(&digits, 16).ok().map(|uid| Self(uid.to_be_bytes()))).flatten()
    }
}

impl From<[u8; 16]> for Pod {
    fn from(uid: [u8; 16]) -> Self {
        Self(uid)
    }
}

/// As Kubernetes writes it.
impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", u128::from_be_bytes(self.0));
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        f.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UID: &str = "2c48913c-b29f-11e7-9350-020968147796";

    fn pod(cgroups: &str) -> Option<String> {
        Pod::in_cgroups(cgroups).map(|pod| pod.to_string())
    }

    #[test]
    fn a_pod_is_known_by_its_cgroup_whatever_driver_made_it() {
        for cgroups in [
            "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod2c48913c_b29f_11e7_9350_020968147796.slice/cri-containerd-9bca8d63.scope\n",
            "0::/kubepods/burstable/pod2c48913c-b29f-11e7-9350-020968147796/9bca8d63\n",
            "12:pids:/user.slice\n3:cpu,cpuacct:/kubepods/pod2c48913c-b29f-11e7-9350-020968147796/crio-9bca8d63\n",
            "0::/../../kubepods-pod2c48913c_b29f_11e7_9350_020968147796.slice/9bca8d63\n",
            "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod2c48913c_b29f_11e7_9350_020968147796.slice/x\n",
        ] {
            assert_eq!(pod(cgroups).as_deref(), Some(UID), "{cgroups}");
        }
    }

    #[test]
    fn what_is_in_no_pod_is_in_none_and_a_pod_can_not_say_that_it_is_another() {
        for cgroups in [
            "",
            "0::/\n",
            "0::/system.slice/pod2c48913c-b29f-11e7-9350-020968147796\n",
            "0::/kubepods/pod1/x\n",
        ] {
            assert_eq!(pod(cgroups), None, "{cgroups}");
        }
        let other = "00000000-0000-0000-0000-000000000001";
        assert_eq!(pod(&format!("0::/kubepods/pod{UID}/c/kubepods/pod{other}\n")).as_deref(), Some(UID));
    }

    #[test]
    fn a_process_outside_of_a_cluster_has_no_pod_and_one_that_is_gone_neither() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Pod::in_file(&dir.path().join("cgroup")), None);
        std::fs::write(dir.path().join("cgroup"), format!("0::/kubepods/pod{UID}\n")).unwrap();
        assert_eq!(Pod::in_file(&dir.path().join("cgroup")).unwrap().to_string(), UID);
    }

    proptest! {
        #[test]
        fn no_text_is_more_than_a_pod_or_none(text in ".{0,200}", uid in any::<[u8; 16]>()) {
            let _ = Pod::in_cgroups(&text);
            prop_assert_eq!(Pod::in_cgroups(&format!("0::/kubepods/pod{}/{text}", Pod(uid))), Some(Pod(uid)));
        }
    }
}
