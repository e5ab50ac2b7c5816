use super::*;

const MS: u64 = 1_000_000;

fn party(client: &str, pid: u32) -> Party<'_> {
    let caller = Caller { uid: 1, gid: 2, pid, pod: None };
    Party { group: "bench", client, caller, tenant: &Tenant::Untold, via: "write" }
}

#[test]
fn what_comes_slowly_is_told_one_by_one_and_nothing_is_due() {
    let mut audit = Audit::default();
    for i in 0..100 {
        assert!(audit.admits("bench", Kind::Held, "", 0, i * 60 * MS));
        assert!(audit.admits("bench", Kind::Drove, "", 3, i * 60 * MS));
    }
    assert_eq!((audit.due_ns(), audit.summed()), (None, 0));
}

#[test]
fn what_comes_fast_is_summed_by_kind_and_cause_and_nothing_is_missing() {
    let mut audit = Audit::default();
    let mut told = 0;
    for i in 0..1000_u64 {
        let cause = if i % 10 == 0 { "broken" } else { "ended" };
        told += u64::from(audit.admits("bench", Kind::Held, "", 0, i * 1000));
        told += u64::from(audit.admits("bench", Kind::Released, cause, 0, i * 1000));
    }
    assert_eq!((told, audit.summed()), (u64::from(TOLD), 2000 - u64::from(TOLD)));
    assert!(audit.admits("other", Kind::Held, "", 0, MS), "another socket has its own account");
    assert_eq!(audit.due_ns(), Some(WINDOW_NS), "a second after the first");
    assert!(audit.due_sums(WINDOW_NS - 1, None).is_empty());
    let due = audit.due_sums(WINDOW_NS, None);
    let [(group, sums)] = due.as_slice() else { panic!("{due:?}") };
    assert_eq!(group, "bench");
    assert_eq!(sums.to_string(), "held=990 released/broken=99 released/ended=891");
    assert_eq!(sums.events(), audit.summed());
    assert_eq!(audit.due_ns(), None);
    assert!(audit.admits("bench", Kind::Held, "", 0, WINDOW_NS), "and again one by one");
}

#[test]
fn sums_that_are_told_late_have_in_them_what_came_meanwhile() {
    let mut audit = Audit::default();
    for _ in 0..=TOLD {
        audit.admits("bench", Kind::Held, "", 0, 0);
    }
    assert!(!audit.admits("bench", Kind::Held, "", 0, 3 * WINDOW_NS));
    assert_eq!(audit.due_sums(3 * WINDOW_NS, None)[0].1.to_string(), "held=2");
}

#[test]
fn holds_have_room_beside_much_that_is_driven() {
    let mut audit = Audit::default();
    for _ in 0..TOLD + 5 {
        audit.admits("bench", Kind::Drove, "", 7, 0);
    }
    assert!(audit.admits("bench", Kind::Held, "", 0, 0));
    let sums = &audit.due_sums(WINDOW_NS, None)[0].1;
    assert_eq!((sums.to_string().as_str(), sums.writes), ("drove=5", 35));
}

#[test]
fn what_a_session_drove_is_a_mask_and_counts_from_the_first_on() {
    let mut drove = Drove::default();
    assert_eq!(drove.due_ns(), None);
    drove.wrote(0b01, 5 * MS);
    drove.wrote(0b10, 6 * MS);
    drove.configured(0b100, 7 * MS);
    drove.began_program(0b1000, 8 * MS);
    assert_eq!(drove.due_ns(), Some(5 * MS + WINDOW_NS));
    assert_eq!(drove.within_ms(10 * MS), 5);
    assert_eq!((drove.mask, drove.writes, drove.configures, drove.programs), (0b1111, 2, 1, 1));
}

#[test]
fn one_shot_writes_are_summed_by_caller_and_beyond_so_many_callers_by_socket() {
    let mut audit = Audit::default();
    let line = |name: &str| [name.to_owned()];
    for _ in 0..10 {
        audit.wrote(party("a", 1), &line("lamp"), MS);
    }
    audit.wrote(party("a", 1), &line("bell"), 2 * MS);
    for pid in 2..100 {
        audit.wrote(party("b", pid), &line("lamp"), 3 * MS);
    }
    assert_eq!(audit.due_ns(), Some(MS + WINDOW_NS));
    let first = audit.due_writers(MS + WINDOW_NS);
    assert_eq!((first.len(), first[0].writes), (1, 11));
    assert_eq!(first[0].lines.iter().collect::<Vec<_>>(), ["bell", "lamp"]);
    assert!(audit.due_sums(MS + WINDOW_NS, None).is_empty());
    assert_eq!(audit.due_ns(), Some(3 * MS + WINDOW_NS));
    let others = audit.due_writers(3 * MS + WINDOW_NS);
    let sums = audit.due_sums(3 * MS + WINDOW_NS, None);
    assert_eq!((others.len(), sums[0].1.to_string().as_str()), (WRITERS - 1, "drove/write=35"));
    assert_eq!(others.len() as u64 + sums[0].1.writes, 98);
    assert_eq!(audit.due_ns(), None);
}

#[tokio::test]
async fn whoever_waits_hears_of_what_is_due_sooner_and_not_of_what_is_due_later() {
    let mut audit = Audit::default();
    let changed = audit.changed();
    audit.due(50);
    changed.notified().await;
    audit.due(60);
    audit.due(50);
    assert!(futures_util::poll!(std::pin::pin!(changed.notified())).is_pending());
    audit.due(40);
    changed.notified().await;
    assert_eq!(audit.due_ns(), Some(40));
}
