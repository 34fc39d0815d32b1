//! The plan against a plain model: apply every change in the order of time, and compare what each audience holds.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use envelope::{DeviceId, Envelope, Row};
use hashed_id::Md5;
use ids::{AudienceId, DeviceType, Encoding, TokenFingerprint};
use proptest::prelude::*;
use tiktok::{Action, Mapping};
use uploader::plan::{Limits, Plan, Planner, Route};

const LIMITS: Limits = Limits { rows: 1000, bytes: 1_000_000 };

/// Hex of one of a few users, so that changes collide.
fn hash(user: u32) -> String {
    format!("{:032x}", 0xabcd_0000_u128 + u128::from(user))
}

fn audience(n: u32) -> AudienceId {
    (7_000_000_000_000_000_000_u64 + u64::from(n)).to_string().parse().unwrap()
}

fn id(device: DeviceType, user: u32) -> DeviceId<'static> {
    DeviceId(device, Encoding::Md5, hash(user).into())
}

fn envelope(changed_ms: i64, rows: Vec<Row<'static>>) -> Envelope<'static> {
    let (advertiser, token) = ("7".parse().unwrap(), TokenFingerprint::of("t"));
    Envelope { version: envelope::VERSION, advertiser, token, changed_ms, rows }
}

fn row(ids: Vec<DeviceId<'static>>, adds: &[u32], deletes: &[u32]) -> Row<'static> {
    let audiences = |list: &[u32]| list.iter().map(|n| audience(*n)).collect();
    Row { ids, adds: audiences(adds), deletes: audiences(deletes), ..Row::default() }
}

fn plan(envelopes: &[Envelope<'static>], limits: Limits) -> Plan {
    let mut planner = Planner::new(limits);
    for (message, envelope) in (0..).zip(envelopes) {
        planner.add(message, Route { pool: 0, connection: 0 }, envelope);
    }
    planner.plan()
}

type Member = (AudienceId, DeviceType, Md5);

/// What each change says at the end: in or out.
fn model(envelopes: &[Envelope<'static>]) -> BTreeMap<Member, bool> {
    let mut changes = Vec::new();
    for envelope in envelopes {
        for row in &envelope.rows {
            for id in &row.ids {
                let Ok(hash) = Md5::parse(id.1, &id.2) else { continue };
                let at = row.changed_ms.unwrap_or(envelope.changed_ms);
                changes.extend(row.adds.iter().map(|a| (at, (*a, id.0, hash), true)));
                changes.extend(row.deletes.iter().map(|a| (at, (*a, id.0, hash), false)));
            }
        }
    }
    changes.sort_by_key(|(at, ..)| *at);
    changes.into_iter().map(|(_, member, joins)| (member, joins)).collect()
}

/// What TikTok holds after all calls of a plan, in whatever order they come.
fn told(plan: &Plan) -> BTreeMap<Member, bool> {
    let mut told = BTreeMap::new();
    for call in &plan.calls {
        for piece in &call.pieces {
            for (device, id) in [(DeviceType::Idfa, piece.row.idfa), (DeviceType::Gaid, piece.row.gaid)] {
                for audience in id.iter().flat_map(|_| &piece.row.audiences) {
                    let twice = told.insert((*audience, device, id.unwrap()), call.action == Action::Add);
                    assert_eq!(twice, None, "told once");
                }
            }
        }
    }
    told
}

#[test]
fn a_user_with_two_ids_takes_one_row_and_a_third_id_another() {
    let ids = vec![id(DeviceType::Idfa, 1), id(DeviceType::Gaid, 2), id(DeviceType::Idfa, 3)];
    let plan = plan(&[envelope(1, vec![row(ids, &[1, 2], &[])])], LIMITS);
    let [call] = plan.calls.as_slice() else { panic!("one call") };
    let shape: Vec<_> =
        call.pieces.iter().map(|p| (p.row.idfa.is_some(), p.row.gaid.is_some(), p.row.audiences.len())).collect();
    assert_eq!(shape, [(true, true, 2), (true, false, 2)]);
}

#[test]
fn ids_whose_audiences_differ_take_rows_of_their_own() {
    let both = vec![id(DeviceType::Idfa, 1), id(DeviceType::Gaid, 2)];
    let one = vec![id(DeviceType::Gaid, 2)];
    let plan = plan(&[envelope(1, vec![row(both, &[1], &[]), row(one, &[2], &[])])], LIMITS);
    assert_eq!(plan.calls[0].pieces.len(), 2);
}

#[test]
fn users_of_many_messages_fill_calls_to_the_limit() {
    let users = 2_345;
    let envelopes: Vec<_> =
        (0..users).map(|n| envelope(1, vec![row(vec![id(DeviceType::Idfa, n)], &[1], &[])])).collect();
    let plan = plan(&envelopes, LIMITS);
    let sizes: Vec<_> = plan.calls.iter().map(|call| call.pieces.len()).collect();
    assert_eq!(sizes, [1000, 1000, 345]);
}

#[test]
fn connections_and_actions_never_share_a_call_and_pools_supersede_nothing_of_one_another() {
    let mut planner = Planner::new(LIMITS);
    let add = envelope(1, vec![row(vec![id(DeviceType::Idfa, 1)], &[1], &[])]);
    let hostile = envelope(2, vec![row(vec![id(DeviceType::Idfa, 1)], &[], &[1])]);
    planner.add(0, Route { pool: 0, connection: 0 }, &add);
    planner.add(1, Route { pool: 1, connection: 1 }, &hostile);
    let plan = planner.plan();
    let calls: Vec<_> = plan.calls.iter().map(|call| (call.connection, call.action)).collect();
    assert_eq!(calls, [(0, Action::Add), (1, Action::Delete)]);
    assert_eq!(plan.counts.superseded, 0);
}

#[test]
fn what_cannot_be_used_is_counted_by_reason_and_the_rest_goes() {
    let of = |encoding, value: &'static str| DeviceId(DeviceType::Idfa, encoding, value.into());
    let rows = vec![
        row(vec![of(Encoding::Raw, "00000000-0000-0000-0000-000000000000")], &[1], &[]),
        row(vec![of(Encoding::Md5, "9f89c84a559f573636a47ff8daed0d33"), id(DeviceType::Gaid, 1)], &[1], &[]),
        row(vec![of(Encoding::Sha256, "ab")], &[1], &[]),
        row(vec![of(Encoding::Raw, "nonsense")], &[1], &[]),
    ];
    let plan = plan(&[envelope(1, rows)], LIMITS);
    let counts = plan.counts;
    assert_eq!((counts.users, counts.users_without_id, counts.nil, counts.encoding, counts.malformed), (4, 3, 2, 1, 1));
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn unmapped_audiences_are_set_aside_with_usable_ids() {
    let mut unmapped = row(vec![id(DeviceType::Idfa, 1)], &[1], &[]);
    unmapped.unmapped_adds.push(456);
    let plan = plan(&[envelope(1, vec![unmapped])], LIMITS);
    assert_eq!((plan.changes.len(), plan.unmapped.len()), (1, 1));
    assert_eq!((plan.unmapped[0].adds.as_slice(), plan.unmapped[0].ids.len()), (&[456][..], 1));
}

fn any_row() -> impl Strategy<Value = Row<'static>> {
    let device = prop_oneof![Just(DeviceType::Idfa), Just(DeviceType::Gaid)];
    let ids = proptest::collection::vec((device, 0..6_u32).prop_map(|(device, user)| id(device, user)), 0..4);
    let audiences = || proptest::collection::btree_set(0..4_u32, 0..4);
    (ids, audiences(), audiences(), proptest::option::of(0..5_i64)).prop_map(|(ids, adds, deletes, changed_ms)| {
        let (adds, deletes): (Vec<_>, Vec<_>) = (adds.into_iter().collect(), deletes.into_iter().collect());
        Row { changed_ms, ..row(ids, &adds, &deletes) }
    })
}

fn any_envelopes() -> impl Strategy<Value = Vec<Envelope<'static>>> {
    let one = (0..5_i64, proptest::collection::vec(any_row(), 0..6)).prop_map(|(at, rows)| envelope(at, rows));
    proptest::collection::vec(one, 0..8)
}

proptest! {
    #[test]
    fn the_plan_leads_where_the_changes_lead(envelopes in any_envelopes()) {
        prop_assert_eq!(told(&plan(&envelopes, LIMITS)), model(&envelopes));
    }

    #[test]
    fn limits_hold_and_no_call_is_wasted(envelopes in any_envelopes(), rows in 1..5_usize, bytes in 400..900_usize) {
        let unlimited = plan(&envelopes, LIMITS);
        let plan = plan(&envelopes, Limits { rows, bytes });
        for call in &plan.calls {
            let sent: Vec<_> = call.pieces.iter().map(|p| &p.row).collect();
            let body = serde_json::to_vec(&Mapping { advertiser: "7".parse().unwrap(), action: call.action, rows: &sent }).unwrap();
            prop_assert!(sent.len() <= rows && body.len() <= bytes, "{} rows, {} bytes", sent.len(), body.len());
        }
        prop_assert_eq!(told(&plan), told(&unlimited));
        if bytes > 800 && rows == 1 {
            let of_one: usize = unlimited.calls.iter().map(|call| call.pieces.len()).sum();
            prop_assert!(plan.calls.len() == of_one);
        }
    }

    /// Every change is in exactly one piece, or superseded, or its id was dropped.
    #[test]
    fn nothing_is_lost(envelopes in any_envelopes()) {
        let plan = plan(&envelopes, LIMITS);
        let mut seen = HashSet::new();
        for piece in plan.calls.iter().flat_map(|call| &call.pieces) {
            for index in piece.changes(&plan) {
                prop_assert!(seen.insert(index), "change {index} is told twice");
            }
        }
        prop_assert_eq!(seen.len(), plan.changes.len());
        let all: usize = envelopes.iter().flat_map(|e| &e.rows).map(|r| r.ids.len() * (r.adds.len() + r.deletes.len())).sum();
        prop_assert_eq!(plan.changes.len() as u64 + plan.counts.superseded, all as u64);
    }

    #[test]
    fn dividing_a_piece_keeps_its_changes(envelopes in any_envelopes()) {
        let plan = plan(&envelopes, LIMITS);
        for piece in plan.calls.iter().flat_map(|call| &call.pieces) {
            let whole: BTreeSet<_> = piece.changes(&plan).collect();
            let by_audience: Vec<_> = piece.row.audiences.iter()
                .filter_map(|a| piece.restricted_to(&[*a]))
                .flat_map(|part| part.changes(&plan).collect::<Vec<_>>())
                .collect();
            prop_assert_eq!(by_audience.len(), whole.len());
            prop_assert_eq!(by_audience.into_iter().collect::<BTreeSet<_>>(), whole.clone());
            if let Some(halves) = piece.by_id() {
                let by_id: BTreeSet<_> = halves.iter().flat_map(|half| half.changes(&plan)).collect();
                prop_assert_eq!(by_id, whole);
            }
        }
    }
}
