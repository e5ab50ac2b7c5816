//! The names of the fields in the log, so that each thing is called the same everywhere.

/// A line: `group/name`.
pub const LINE: &str = "line";
/// Several lines.
pub const LINES: &str = "lines";
/// A line's value.
pub const VALUE: &str = "value";
/// A line group.
pub const GROUP: &str = "group";
/// What a client calls itself.
pub const CLIENT: &str = "client";
/// User id of a client.
pub const UID: &str = "uid";
/// Group id of a client.
pub const GID: &str = "gid";
/// Process id of a client.
pub const PID: &str = "pid";
/// Uid of the pod that a client belongs to, where that is known.
pub const POD: &str = "pod";
/// Namespace of the pod that has the group's device, where the kubelet tells it.
pub const NAMESPACE: &str = "namespace";
/// Name of that pod.
pub const POD_NAME: &str = "pod_name";
/// Why it is not known.
pub const POD_UNKNOWN: &str = "pod_unknown";
/// A resource that is offered to a kubelet: `gpiod.local/door`.
pub const RESOURCE: &str = "resource";
/// Ids of a resource's devices.
pub const DEVICES: &str = "devices";
/// Why something ended.
pub const CAUSE: &str = "cause";
/// What went wrong.
pub const ERROR: &str = "error";
/// Who holds a line in the kernel.
pub const CONSUMER: &str = "consumer";
/// `gpiomem`, `cdev` or `sim`.
pub const BACKEND: &str = "backend";
/// The board's model.
pub const BOARD: &str = "board";
/// How long somebody waits, such as `1s`.
pub const WAIT: &str = "wait";
/// A path.
pub const PATH: &str = "path";
/// How many.
pub const COUNT: &str = "count";
/// Which kind of audit event: `held`, `resumed`, `adopted`, `away`, `drove`, `released`, `kept`, `readied`, `ordered`,
/// `summed`.
pub const AUDIT: &str = "audit";
/// By what a line was held or driven: `session`, `program`, `write`.
pub const VIA: &str = "via";
/// What lines became when they were let go: `red=inactive,light=input`.
pub const BECAME: &str = "became";
/// How often lines were set.
pub const WRITES: &str = "writes";
/// How often direction or pull of lines was changed.
pub const CONFIGURES: &str = "configures";
/// How many programs began.
pub const PROGRAMS: &str = "programs";
/// How long ago the first of what is summed up was, in ms.
pub const WITHIN_MS: &str = "within_ms";
/// Sums by kind and cause: `held=480 released/ended=470`.
pub const COUNTS: &str = "counts";
/// An address that the daemon listens on.
pub const ADDRESS: &str = "address";
