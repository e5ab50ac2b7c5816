//! One connection of `lines.sock`: questions, then a claim or the edges of one.

use super::connection::{Lines, next, reply};
use super::shared::{Attached, Shared};
use crate::board::claim::ClaimId;
use crate::board::messages::{LineReply, LineRequest};
use crate::board::model::MODEL;

/// The most edges in one batch.
const BATCH: usize = 64;

/// The claim of a connection. Dropping it ends the claim, whatever ended the connection.
struct Claim {
    shared: Shared,
    id: ClaimId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shared.release(self.id);
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(shared: Shared, mut lines: Lines) {
    let mut claim: Option<Claim> = None;
    while let Some(request) = next(&mut lines).await {
        let answer = match request {
            Err(reason) => LineReply::Malformed(reason),
            Ok(LineRequest::Edges { claim: id }) if claim.is_none() => match shared.attach(id) {
                Some(attached) => return edges(&shared, &attached, &mut lines).await,
                None => LineReply::Malformed(format!("claim {id} has ended, or has its edges elsewhere")),
            },
            Ok(request) => answer(&shared, &mut claim, request),
        };
        if reply(&mut lines, &answer).await.is_err() {
            break;
        }
    }
}

fn answer(shared: &Shared, claim: &mut Option<Claim>, request: LineRequest) -> LineReply {
    let claimed = claim.as_ref().map(|claim| claim.id);
    let result = match (request, claimed) {
        (LineRequest::Lines {}, _) => {
            let lines = shared.with(|board| board.line_infos());
            return LineReply::Board { model: MODEL.to_owned(), lines };
        }
        (LineRequest::Claim { consumer, lines, as_found }, None) => {
            shared.with(|board| board.claim_as_found(&consumer, &lines, as_found)).map(|(id, kept)| {
                *claim = Some(Claim { shared: shared.clone(), id });
                LineReply::Claimed { claim: id, kept }
            })
        }
        (LineRequest::Read { mask }, Some(id)) => {
            shared.with(|board| board.read(id, mask)).map(LineReply::Values)
        }
        (LineRequest::Write { mask, bits }, Some(id)) => {
            shared.with(|board| board.write(id, mask, bits)).map(LineReply::Done)
        }
        (LineRequest::Configure { lines }, Some(id)) => {
            shared.with(|board| board.configure(id, &lines)).map(LineReply::Done)
        }
        (LineRequest::Claim { .. } | LineRequest::Edges { .. }, Some(_)) => {
            return LineReply::Malformed("this connection has a claim already".to_owned());
        }
        (LineRequest::More {}, _) => {
            return LineReply::Malformed("no edges come over this connection".to_owned());
        }
        (_, None) => return LineReply::Malformed("this connection has no claim".to_owned()),
    };
    result.unwrap_or_else(LineReply::Refused)
}

/// Sends one batch for each `more`, until the claim or the connection ends.
async fn edges(shared: &Shared, attached: &Attached, lines: &mut Lines) {
    if reply(lines, &LineReply::Attached).await.is_err() {
        return;
    }
    let mut wanted = false;
    loop {
        if wanted {
            let Some(edges) = shared.with(|board| board.take_events(attached.claim, BATCH)) else { return };
            if !edges.is_empty() {
                wanted = false;
                if reply(lines, &LineReply::Edges(edges)).await.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            request = next(lines) => match request {
                Some(Ok(LineRequest::More {})) => {
                    shared.with(|board| board.events_taken(attached.claim));
                    wanted = true;
                }
                Some(_) => {
                    let _ = reply(lines, &LineReply::Malformed("only more is asked here".to_owned())).await;
                    return;
                }
                None => return,
            },
            () = attached.told.notified() => {
                if !shared.has_claim(attached.claim) {
                    return;
                }
            }
        }
    }
}
