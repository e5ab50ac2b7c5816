//! How audit events are written: one function for each kind, so that their keys are the same everywhere.

use super::{Drove, Kind, Party, Sums, Writer};
use crate::holder::Caller;
use crate::log_keys as keys;
use crate::pods::Tenant;
use std::time::Duration;

/// What the events are found by in a filter, such as `warn,gpiod::audit=info`.
pub const TARGET: &str = "gpiod::audit";

/// Lines are held: [`Kind::Held`], [`Kind::Resumed`] or [`Kind::Adopted`].
pub fn held(kind: Kind, party: Party<'_>, lines: &str) {
    let Party { group, client, caller: Caller { uid, gid, pid, pod }, tenant, via } = party;
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = kind.word(), { keys::GROUP } = group, { keys::CLIENT } = client, { keys::UID } = uid,
            { keys::GID } = gid, { keys::PID } = pid, { keys::POD } = pod.map(display),
            { keys::NAMESPACE } = namespace(tenant), { keys::POD_NAME } = pod_name(tenant), { keys::POD_UNKNOWN } = tenant.unknown(),
            { keys::VIA } = via, { keys::LINES } = lines
        },
        "lines held"
    );
}

/// The holder of lines is not there, and they are kept for it.
pub fn away(party: Party<'_>, lines: &str, cause: &str, wait: Duration) {
    let Party { group, client, caller: Caller { uid, gid, pid, pod }, tenant, via } = party;
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = Kind::Away.word(), { keys::GROUP } = group, { keys::CLIENT } = client, { keys::UID } = uid,
            { keys::GID } = gid, { keys::PID } = pid, { keys::POD } = pod.map(display),
            { keys::NAMESPACE } = namespace(tenant), { keys::POD_NAME } = pod_name(tenant), { keys::POD_UNKNOWN } = tenant.unknown(),
            { keys::VIA } = via, { keys::LINES } = lines, { keys::CAUSE } = cause,
            { keys::WAIT } = %humantime::format_duration(wait)
        },
        "holder is away, its lines are kept for it"
    );
}

/// Lines were driven by whoever holds them.
pub fn drove(party: Party<'_>, lines: &str, drove: &Drove, now_ns: u64) {
    let Party { group, client, caller: Caller { uid, gid, pid, pod }, tenant, via } = party;
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = Kind::Drove.word(), { keys::GROUP } = group, { keys::CLIENT } = client, { keys::UID } = uid,
            { keys::GID } = gid, { keys::PID } = pid, { keys::POD } = pod.map(display),
            { keys::NAMESPACE } = namespace(tenant), { keys::POD_NAME } = pod_name(tenant), { keys::POD_UNKNOWN } = tenant.unknown(),
            { keys::VIA } = via, { keys::LINES } = lines,
            { keys::WRITES } = drove.writes, { keys::CONFIGURES } = drove.configures, { keys::PROGRAMS } = drove.programs,
            { keys::WITHIN_MS } = drove.within_ms(now_ns)
        },
        "lines driven"
    );
}

/// Lines were set without being held.
pub fn wrote(writer: &Writer, now_ns: u64) {
    let Party { group, client, caller: Caller { uid, gid, pid, pod }, tenant, via } = writer.party();
    let lines: Vec<&str> = writer.lines.iter().map(String::as_str).collect();
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = Kind::Drove.word(), { keys::GROUP } = group, { keys::CLIENT } = client, { keys::UID } = uid,
            { keys::GID } = gid, { keys::PID } = pid, { keys::POD } = pod.map(display),
            { keys::NAMESPACE } = namespace(tenant), { keys::POD_NAME } = pod_name(tenant), { keys::POD_UNKNOWN } = tenant.unknown(),
            { keys::VIA } = via, { keys::LINES } = lines.join(","),
            { keys::WRITES } = writer.writes, { keys::WITHIN_MS } = writer.within_ms(now_ns)
        },
        "lines driven"
    );
}

/// Lines were let go ([`Kind::Released`]), or are left as they are for the next daemon ([`Kind::Kept`]).
pub fn released(kind: Kind, party: Party<'_>, lines: &str, cause: &str, became: &str) {
    let Party { group, client, caller: Caller { uid, gid, pid, pod }, tenant, via } = party;
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = kind.word(), { keys::GROUP } = group, { keys::CLIENT } = client, { keys::UID } = uid,
            { keys::GID } = gid, { keys::PID } = pid, { keys::POD } = pod.map(display),
            { keys::NAMESPACE } = namespace(tenant), { keys::POD_NAME } = pod_name(tenant), { keys::POD_UNKNOWN } = tenant.unknown(),
            { keys::VIA } = via, { keys::LINES } = lines, { keys::CAUSE } = cause,
            { keys::BECAME } = became
        },
        "lines let go"
    );
}

/// Outputs that were found driven at the start were let go, since nobody came for them.
pub fn unclaimed(lines: &str, became: &str) {
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = Kind::Released.word(), { keys::LINES } = lines, { keys::CAUSE } = "unclaimed",
            { keys::BECAME } = became
        },
        "nobody came back for these outputs"
    );
}

/// Free lines of a group were made what they are without a holder, for a container that is about to start.
pub fn readied(group: &str, lines: &str, became: &str) {
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = "readied", { keys::GROUP } = group, { keys::LINES } = lines, { keys::BECAME } = became
        },
        "lines made ready for a container"
    );
}

fn namespace(tenant: &Tenant) -> Option<&str> {
    tenant.pod().map(|pod| pod.namespace.as_str())
}

fn pod_name(tenant: &Tenant) -> Option<&str> {
    tenant.pod().map(|pod| pod.name.as_str())
}

/// The administrator ordered that a group be let go of, for a reason in words of its own.
pub fn ordered(group: &str, reason: &str, by: Caller) {
    let Caller { uid, gid, pid, pod } = by;
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = "ordered", { keys::GROUP } = group, { keys::UID } = uid, { keys::GID } = gid,
            { keys::PID } = pid, { keys::POD } = pod.map(display), { keys::CAUSE } = reason
        },
        "the administrator lets go of a group"
    );
}

/// What was too much to be told one by one.
pub fn summed(group: &str, sums: &Sums) {
    tracing::info!(
        target: TARGET,
        {
            { keys::AUDIT } = "summed", { keys::GROUP } = group, { keys::COUNT } = sums.events(),
            { keys::COUNTS } = %sums, { keys::WRITES } = sums.writes
        },
        "too many to be told one by one"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Form;
    use crate::log::tests::lines;
    use crate::pod::Pod;
    use crate::pods::PodName;
    use std::sync::Arc;

    #[test]
    fn a_client_in_a_pod_is_told_with_its_uid_and_another_without() {
        let text = lines("info", Form::Json, || {
            for pod in [Some(Pod::from([0xab; 16])), None] {
                let caller = Caller { uid: 1, gid: 2, pid: 3, pod };
                let tenant = match pod {
                    Some(_) => {
                        Tenant::Pod(Arc::new(PodName { namespace: "apps".into(), name: "lock-0".into() }))
                    }
                    None => Tenant::Unknown("why"),
                };
                let party = Party { group: "door", client: "me", caller, tenant: &tenant, via: "session" };
                held(Kind::Held, party, "lock");
            }
        });
        let events: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0]["pod"], "abababab-abab-abab-abab-abababababab");
        assert_eq!((&events[0]["namespace"], &events[0]["pod_name"]), (&"apps".into(), &"lock-0".into()));
        assert_eq!((events[0].get("pod_unknown"), &events[1]["pod_unknown"]), (None, &"why".into()));
        assert_eq!((&events[1]["pid"], events[1].get("pod")), (&3.into(), None));
    }
}
