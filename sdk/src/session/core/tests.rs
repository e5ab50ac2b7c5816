//! How much is on its way to a daemon that takes nothing, and that none of it is lost.

use super::*;
use crate::client::requests::{Waiting, requests};
use crate::line::Edge;
use crate::watch::ring::Ring;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use tokio::task::unconstrained;

/// A session with one line, and the daemon's end of its requests.
fn session() -> (Core, Waiting) {
    let (requests, sent) = requests();
    (Core::new(1, Positions::new(["button"], Some(1)).unwrap(), requests, v1::Values::default()), sent)
}

async fn watch(core: &Core) -> Result<u64, Error> {
    let ring = Arc::new(Ring::new(core.lines().names().clone(), 1, Edge::Both, 1));
    core.watch(1, v1::Edge::Both.into(), ring).await
}

async fn feed(core: &Core) -> Result<u64, Error> {
    core.done(Command::Feed(v1::FeedCommand {})).await
}

/// Polls once, without the bound that tokio sets on what one task may do in a row.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    unconstrained(std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)))).await
}

/// Does it once and gives it up.
async fn give_up(future: impl Future<Output = Result<u64, Error>>) {
    let polled = poll_once(std::pin::pin!(future)).await;
    assert!(polled.is_pending(), "{polled:?}");
}

fn answer(core: &Core, request: &v1::SessionRequest) {
    let result = match request.command {
        Some(Command::Watch(_)) => Answer::Watch(v1::WatchResponse::default().into()),
        _ => Answer::Done(v1::DoneResult::default()),
    };
    core.dispatch(v1::SessionResponse { id: request.id, result: Some(result) });
}

/// Opens that many watches.
async fn watches(core: &Core, sent: &Waiting, n: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for _ in 0..n {
        let (id, ()) = tokio::join!(watch(core), async { answer(core, &sent.taken()[0]) });
        ids.push(id.unwrap());
    }
    ids
}

/// Which watches are ended by these requests.
fn ended(requests: &[v1::SessionRequest]) -> Vec<u64> {
    let ended = |request: &v1::SessionRequest| match request.command {
        Some(Command::Unwatch(v1::UnwatchCommand { watch_id })) => Some(watch_id),
        _ => None,
    };
    requests.iter().filter_map(ended).collect()
}

#[tokio::test]
async fn watches_that_are_given_up_in_a_row_wait_for_the_daemon_and_leave_room_for_commands() {
    let (core, sent) = session();
    for _ in 0..1000 {
        give_up(watch(&core)).await;
    }
    let mut fed = Box::pin(feed(&core));
    assert!(poll_once(fed.as_mut()).await.is_pending());
    let mut watching = Box::pin(watch(&core));
    assert!(poll_once(watching.as_mut()).await.is_pending());

    let requests = sent.taken();
    assert_eq!(requests.len(), 2 * MAX_WATCHES + 1, "beginnings, ends and the command");
    assert_eq!(ended(&requests).len(), MAX_WATCHES, "each is ended");
    for request in &requests {
        answer(&core, request);
    }
    fed.await.unwrap();
    // The next one has its turn now.
    assert!(poll_once(watching.as_mut()).await.is_pending());
    answer(&core, &sent.taken()[0]);
    watching.await.unwrap();
    assert_eq!(core.free(), IN_FLIGHT);
}

#[tokio::test]
async fn a_command_beyond_those_that_may_wait_stands_in_a_queue_and_takes_nothing_with_it_when_it_leaves() {
    let (core, sent) = session();
    let mut commands: Vec<_> = (0..IN_FLIGHT + 3).map(|_| Box::pin(feed(&core))).collect();
    for command in &mut commands {
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    let requests = sent.taken();
    assert_eq!(requests.len(), IN_FLIGHT);
    // The first of the queue is called, and leaves before it has heard that; so does one that was not called.
    let last = commands.pop().unwrap();
    answer(&core, &requests[0]);
    drop((commands.remove(IN_FLIGHT), last));
    assert!(poll_once(commands[IN_FLIGHT].as_mut()).await.is_pending());
    let next = sent.taken();
    assert_eq!(next.len(), 1, "the other one has its room");
    for request in requests[1..].iter().chain(&next) {
        answer(&core, request);
    }
    for command in commands {
        command.await.unwrap();
    }
    assert_eq!(core.free(), IN_FLIGHT);
}

#[tokio::test]
async fn a_watch_that_is_given_up_keeps_its_places_until_its_end_is_answered() {
    let (core, sent) = session();
    give_up(watch(&core)).await;
    let requests = sent.taken();
    let free = || (core.free(), core.watch_places.available_permits());
    assert_eq!(free(), (IN_FLIGHT - 1, MAX_WATCHES - 1));
    // The beginning's answer may be missing: the daemon may take the end before it says how the watch began.
    answer(&core, &requests[1]);
    assert_eq!(free(), (IN_FLIGHT, MAX_WATCHES));
}

#[tokio::test]
async fn the_end_of_every_watch_finds_room_also_after_the_session_was_opened_again() {
    let (core, sent) = session();
    let ids = watches(&core, &sent, MAX_WATCHES).await;
    assert!(core.lost(&Error::Closed));
    let (requests, sent) = requests();
    core.resumed(requests, v1::Values::default(), true);
    let mut commands: Vec<_> = (0..IN_FLIGHT).map(|_| Box::pin(feed(&core))).collect();
    for command in &mut commands {
        assert!(poll_once(command.as_mut()).await.is_pending());
    }
    for id in &ids {
        core.unwatch(*id);
    }
    let requests = sent.taken();
    assert_eq!(requests.len(), IN_FLIGHT + 2 * MAX_WATCHES);
    assert_eq!(ended(&requests), ids);
}

#[tokio::test]
async fn the_app_is_told_of_too_many_watches_at_once_and_does_not_count_those_that_end() {
    let (core, sent) = session();
    let ids = watches(&core, &sent, MAX_WATCHES).await;
    assert!(matches!(watch(&core).await, Err(Error::Invalid { .. })));
    core.unwatch(ids[0]);
    let mut next = Box::pin(watch(&core));
    assert!(poll_once(next.as_mut()).await.is_pending());
    // The one that waits for its place counts.
    assert!(matches!(watch(&core).await, Err(Error::Invalid { .. })));
    answer(&core, &sent.taken()[0]);
    assert!(poll_once(next.as_mut()).await.is_pending());
    answer(&core, &sent.taken()[0]);
    next.await.unwrap();
}

#[tokio::test]
async fn who_waits_for_the_place_of_a_watch_learns_that_the_daemon_has_gone() {
    let (core, sent) = session();
    let ids = watches(&core, &sent, MAX_WATCHES).await;
    core.unwatch(ids[0]);
    let mut next = Box::pin(watch(&core));
    assert!(poll_once(next.as_mut()).await.is_pending());
    assert!(core.lost(&Error::Away { since: now(), why: "killed".to_owned() }));
    assert!(matches!(next.await, Err(Error::Away { .. })));
    assert_eq!(core.watch_places.available_permits(), 1);
}
