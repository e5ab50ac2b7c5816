//! What is offered to a kubelet, and for which namespaces: by Kubernetes' rules for names, and by those for sockets.

use super::Checker;
use crate::config::file::{self, line_of};
use crate::config::{Group, Kubernetes};
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Spanned;

const DOMAIN: &str = "gpiod.local";
const KUBELET_DIR: &str = "/var/lib/kubelet";
const WATCHERS: u32 = 16;
/// Each is a device that the node tells the cluster of; nobody means more.
const MAX_WATCHERS: u32 = 256;
/// A domain of names has 253 characters, and quotas put `requests.` before it.
const MAX_DOMAIN: usize = 253 - "requests.".len();
/// Of a name between two dots, and of a namespace.
const MAX_LABEL: usize = 63;

impl Checker<'_> {
    pub(super) fn kubernetes(
        &mut self,
        given: file::Kubernetes,
        (run_dir_at, run_dir): (usize, &Path),
        groups: &[Group],
    ) -> Kubernetes {
        let file::Kubernetes { resource_domain, kubelet_dir, watchers } = given;
        let resource_domain = resource_domain.map_or_else(|| DOMAIN.to_owned(), |domain| self.domain(domain));
        let dir_at = kubelet_dir.as_ref().map_or(0, |dir| line_of(self.text, dir.span().start));
        let kubelet_dir = kubelet_dir.map_or_else(|| PathBuf::from(KUBELET_DIR), Spanned::into_inner);
        let watchers = watchers.map_or(WATCHERS, |watchers| {
            if *watchers.get_ref() > MAX_WATCHERS {
                let reason = format!("{} is not between 0 and {MAX_WATCHERS}", watchers.get_ref());
                self.problem(line_of(self.text, watchers.span().start), "kubernetes.watchers", reason);
            }
            watchers.into_inner()
        });
        if !run_dir.is_absolute() {
            self.problem(run_dir_at, "run_dir", "the kubelet mounts what is below it: give the whole path");
        }
        let kubernetes = Kubernetes { resource_domain, kubelet_dir, watchers };
        self.kubelet_dir(dir_at, &kubernetes, groups);
        kubernetes
    }

    fn domain(&mut self, domain: Spanned<String>) -> String {
        let name = domain.get_ref();
        let reserved =
            name == "kubernetes.io" || name.ends_with(".kubernetes.io") || name.starts_with("requests.");
        let reason = if name.len() > MAX_DOMAIN || !name.split('.').all(is_label) {
            format!(
                "{name:?} is no domain: names of a-z, 0-9 and '-' with dots between them, at most {MAX_DOMAIN} characters"
            )
        } else if reserved {
            format!("{name:?} is Kubernetes' own: a resource of it is refused")
        } else {
            return domain.into_inner();
        };
        self.problem(line_of(self.text, domain.span().start), "kubernetes.resource_domain", reason);
        domain.into_inner()
    }

    fn kubelet_dir(&mut self, at: usize, kubernetes: &Kubernetes, groups: &[Group]) {
        if !kubernetes.kubelet_dir.is_absolute() {
            return self.problem(at, "kubernetes.kubelet_dir", "give the whole path");
        }
        let longest = groups.iter().map(|group| &group.name).max_by_key(|name| name.len());
        let socket = longest.map(|group| kubernetes.plugins().join(kubernetes.socket(group, true)));
        if let Some(socket) = socket.filter(|socket| SocketAddr::from_pathname(socket).is_err()) {
            let length = socket.as_os_str().len();
            let reason = format!(
                "{socket:?} would be no path of a socket: it has {length} bytes, and 107 are the most"
            );
            self.problem(at, "kubernetes.kubelet_dir", reason);
        }
    }

    /// The namespaces that a group is for.
    pub(super) fn namespaces(
        &mut self,
        group: &str,
        namespaces: Option<Spanned<Vec<String>>>,
    ) -> Vec<String> {
        let Some(namespaces) = namespaces else { return Vec::new() };
        let at = line_of(self.text, namespaces.span().start);
        let key = format!("{group}.allow_namespaces");
        let namespaces = namespaces.into_inner();
        if namespaces.is_empty() {
            self.problem(
                at,
                &key,
                "the list is empty: it would let nobody in; leave it out to let everybody in",
            );
        }
        if let Some(wrong) = namespaces.iter().find(|name| !is_label(name)) {
            let reason = format!("{wrong:?} is no namespace: 1 to {MAX_LABEL} of a-z, 0-9 and '-'");
            self.problem(at, &key, reason);
        }
        if !self.has_kubelet {
            let reason = "only a kubelet can tell a pod's namespace: add the section [kubernetes]";
            self.problem(at, key, reason);
        }
        namespaces
    }
}

/// Whether a text is a name as Kubernetes has it between two dots (RFC 1123).
fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let outer = |c: char| inner(c) && c != '-';
    text.len() <= MAX_LABEL && text.starts_with(outer) && text.ends_with(outer) && text.chars().all(inner)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn parse(head: &str, group: &str) -> Result<Config, String> {
        let text = format!(
            "{head}\n[[group]]\nname = \"door\"\n{group}\nlines.lock = {{ line = \"GPIO20\", direction = \"output\" }}\n"
        );
        Config::parse(Path::new("x"), &text).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_section_may_be_empty() {
        let kubernetes = parse("[kubernetes]", "allow_namespaces = [\"apps\"]").unwrap().kubernetes.unwrap();
        assert_eq!((kubernetes.resource_domain.as_str(), kubernetes.watchers), ("gpiod.local", 16));
        assert_eq!(kubernetes.kubelet_dir, Path::new("/var/lib/kubelet"));
        assert!(parse("", "").unwrap().kubernetes.is_none());
    }

    #[test]
    fn what_a_kubelet_or_a_socket_could_not_take_is_told_with_its_line() {
        let long = "x".repeat(80);
        for (head, group, told) in [
            (
                "[kubernetes]\nresource_domain = \"Gpiod\"",
                "",
                "x:2: kubernetes.resource_domain: \"Gpiod\" is no domain",
            ),
            ("[kubernetes]\nresource_domain = \"a.kubernetes.io\"", "", "Kubernetes' own"),
            ("[kubernetes]\nresource_domain = \"requests.a\"", "", "Kubernetes' own"),
            (
                "[kubernetes]\nkubelet_dir = \"kubelet\"",
                "",
                "x:2: kubernetes.kubelet_dir: give the whole path",
            ),
            (&format!("[kubernetes]\nkubelet_dir = \"/{long}\""), "", "would be no path of a socket"),
            ("[kubernetes]\nwatchers = 257", "", "x:2: kubernetes.watchers: 257 is not between 0 and 256"),
            ("run_dir = \"run\"\n[kubernetes]", "", "x:1: run_dir: the kubelet mounts"),
            ("[kubernetes]", "allow_namespaces = []", "x:4: group.door.allow_namespaces: the list is empty"),
            ("[kubernetes]", "allow_namespaces = [\"a/b\"]", "\"a/b\" is no namespace"),
            ("", "allow_namespaces = [\"a\"]", "x:4: group.door.allow_namespaces: only a kubelet can tell"),
            ("[kubernetes]\ndomain = \"a\"", "", "x:2: domain: unknown field"),
        ] {
            let problems = parse(head, group).unwrap_err();
            assert!(problems.contains(told), "{head} {group}: {problems}");
        }
    }
}
