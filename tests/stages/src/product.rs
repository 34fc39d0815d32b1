//! What the product does, by its own crates: what `ingest` does with a membership message between receiving and queueing it, and what
//! `uploader` does between receiving envelopes and calling TikTok.

use anyhow::{Context, Result, bail};
use envelope::{Envelope, GroupId, LaneParts};
use firehose::{Request, parse, readable};
use ids::ConnectionId;
use ingest::{Division, Envelopes, Sent};
use queue::Received;
use tiktok::{Mapping, Row};
use uploader::plan::{Limits, Plan, Planner};
use uploader::work::{Lane, Work};

/// The template's defaults.
pub(crate) const DIVISION: Division = Division { lanes: 16, max_bytes: 60_000 };
pub(crate) const LIMITS: Limits = Limits { rows: 1_000, bytes: 1_000_000 };

/// From a message to envelopes.
#[inline(never)]
pub(crate) fn envelopes(message: &[u8]) -> Result<Vec<LaneParts>> {
    let mut envelopes = Envelopes::new(DIVISION, Sent::Devices, 0);
    let text = readable(message)?;
    let Request::Membership(membership) = parse(&text, &mut envelopes)?.request else {
        bail!("the message is of another type");
    };
    Ok(envelopes.finish(membership.left_out).context("a row cannot be written")?.lanes)
}

/// From envelopes to the bodies of calls.
#[inline(never)]
pub(crate) fn bodies(work: &Work) -> Result<Vec<Vec<u8>>> {
    let mut planner = Planner::new();
    for (place, message) in work.messages() {
        for row in &Envelope::read(&message.body)?.rows {
            planner.add(place, row);
        }
    }
    let plan = planner.plan(LIMITS, &Ok(Vec::new()), |_, _| None);
    Ok(plan.calls.iter().map(|call| body(&plan, work.connection, call)).collect())
}

fn body(plan: &Plan, connection: ConnectionId, call: &uploader::plan::Call) -> Vec<u8> {
    let rows: Vec<Row> = call.rows.iter().filter_map(|span| plan.row(*span)).collect();
    let advertiser = connection.advertiser;
    Mapping { advertiser, action: call.action, schema: call.schema, rows: &rows }.body()
}

/// The envelopes as an uploader has them in hand.
pub(crate) fn in_hand(envelopes: Vec<LaneParts>) -> Result<Work> {
    let connection: ConnectionId = "7000000000000000001.123456".parse()?;
    let mut lanes: Vec<Lane> = std::iter::repeat_with(Lane::default).take(DIVISION.lanes.into()).collect();
    for LaneParts { lane, parts } in envelopes {
        let group = GroupId { connection, lane }.to_string();
        let to = lanes.get_mut(usize::from(lane)).context("the lane does not exist")?;
        for body in parts {
            let (message_id, receipt_handle, group) = (String::new(), String::new(), group.clone());
            let attributes = std::collections::HashMap::new();
            to.push(Received { message_id, receipt_handle, body, group, sent_ms: 0, receive_count: 1, attributes });
        }
    }
    Ok(Work::new(connection, lanes))
}
