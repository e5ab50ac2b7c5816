use super::*;

fn pod(namespace: &str, name: &str) -> Arc<PodName> {
    Arc::new(PodName { namespace: namespace.to_owned(), name: name.to_owned() })
}

fn allocated(access: Access, devices: &[(&str, &Arc<PodName>)]) -> Allocated {
    let devices = devices.iter().map(|(device, pod)| ((*device).to_owned(), Arc::clone(pod))).collect();
    Allocated::from([(("door".to_owned(), access), devices)])
}

fn told(answer: Allocated) -> Pods {
    let pods = Pods::default();
    pods.ask_kubelet(true);
    pods.tell(pods.changes(), Some(answer));
    pods
}

fn said(pods: &Pods, access: Access) -> String {
    let outcome = pods.admit("door", access, &["apps".to_owned()]);
    outcome.map_or_else(|error| error.to_string(), |()| "let in".to_owned())
}

#[test]
fn without_a_kubelet_nothing_is_known_and_nobody_is_let_in() {
    let pods = Pods::default();
    assert_eq!(pods.tenant("door"), Tenant::Untold);
    assert!(said(&pods, Access::Full).contains(SILENT));
    pods.ask_kubelet(true);
    assert_eq!(pods.tenant("door"), Tenant::Unknown(SILENT));
    pods.tell(pods.changes(), Some(Allocated::new()));
    assert_eq!(pods.tenant("door"), Tenant::Unknown(NOBODY));
    assert!(said(&pods, Access::Full).contains(NOBODY));
}

#[test]
fn a_device_that_is_given_out_makes_doubtful_what_was_known() {
    let (good, evil) = (pod("apps", "lock"), pod("evil", "thief"));
    let pods = told(allocated(Access::Full, &[("door", &good)]));
    assert_eq!(said(&pods, Access::Full), "let in");
    let before = pods.changes();
    pods.changed(&["door".to_owned()]);
    assert!(said(&pods, Access::Full).contains(SILENT));
    // What was asked for before that tells of the pod before.
    pods.tell(before, Some(allocated(Access::Full, &[("door", &good)])));
    assert!(said(&pods, Access::Full).contains(SILENT));
    pods.tell(pods.changes(), Some(allocated(Access::Full, &[("door", &evil)])));
    assert!(said(&pods, Access::Full).contains("evil/thief"));
}

#[test]
fn a_kubelet_that_goes_away_takes_nothing_from_who_is_known() {
    let good = pod("apps", "lock");
    let pods = told(allocated(Access::Full, &[("door", &good)]));
    pods.tell(pods.changes(), None);
    assert_eq!(said(&pods, Access::Full), "let in");
    assert_eq!(pods.tenant("door"), Tenant::Pod(good));
}

#[test]
fn one_reader_too_many_keeps_all_out_unless_its_container_was_not_let_start() {
    let (good, evil) = (pod("apps", "a"), pod("evil", "b"));
    let pods = told(allocated(Access::Watch, &[("0", &good), ("1", &evil)]));
    assert!(said(&pods, Access::Watch).contains("evil/b"));
    pods.refuse(&["1".to_owned()]);
    assert_eq!(said(&pods, Access::Watch), "let in");
    assert!(said(&pods, Access::Full).contains(NOBODY), "another resource");
    // The device is given to somebody else.
    pods.changed(&["1".to_owned()]);
    pods.tell(pods.changes(), Some(allocated(Access::Watch, &[("0", &good), ("1", &evil)])));
    assert!(said(&pods, Access::Watch).contains("evil/b"));
}

#[test]
fn two_pods_with_one_device_are_nobody_certain() {
    let (one, other) = (pod("apps", "a"), pod("apps", "b"));
    let pods = told(allocated(Access::Full, &[("door", &one), ("door", &other)]));
    assert_eq!(pods.tenant("door"), Tenant::Unknown(SEVERAL));
    assert_eq!(said(&pods, Access::Full), "let in");
}

#[test]
fn the_kubelet_is_asked_again_when_an_answer_is_old_and_left_alone_when_it_is_silent() {
    let now = Instant::now();
    let good = pod("apps", "lock");
    let with = Known {
        allocated: allocated(Access::Full, &[("door", &good)]),
        answered: Some(0),
        when: Some(now),
        ..Known::default()
    };
    let almost = |age: Duration| age - Duration::from_millis(1);
    assert!(with.will_do("door", Access::Full, now + almost(AGES.0)));
    assert!(!with.will_do("door", Access::Full, now + AGES.0));
    // Of whom nobody is known, more may be known soon.
    assert!(with.will_do("door", Access::Watch, now + almost(AGES.1)));
    assert!(!with.will_do("door", Access::Watch, now + AGES.1));
    let silent = Known { silent: Some((now, 0)), ..Known::default() };
    assert!(silent.will_do("door", Access::Full, now + almost(REST)));
    assert!(!silent.will_do("door", Access::Full, now + REST));
    let changed = Known { changes: 1, ..silent };
    assert!(!changed.will_do("door", Access::Full, now), "there is something new to be told");
}

#[tokio::test]
async fn who_needs_to_know_waits_until_it_is_told() {
    let pods = Arc::new(Pods::default());
    pods.look("door", Access::Full).await;
    pods.ask_kubelet(true);
    let kubelet = Arc::clone(&pods);
    tokio::spawn(async move {
        kubelet.wanted().await;
        kubelet.tell(kubelet.changes(), Some(allocated(Access::Full, &[("door", &pod("apps", "a"))])));
    });
    pods.look("door", Access::Full).await;
    assert_eq!(said(&pods, Access::Full), "let in");
}
