//! Measures the way of membership changes from Firehose bytes to envelope bytes, in CPU time: no I/O, no waiting.
//!
//! `cargo bench -p ingest` prints a line for 1, 100 and 1,000 profiles a message.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark: it prints, and stops where it is wrong")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use firehose::{Request, parse, readable};
use ingest::{Division, Envelopes};

/// Measurements of each figure; the least disturbed one counts.
const SAMPLES: usize = 40;
/// How long each lasts, in CPU time.
const LASTS: Duration = Duration::from_millis(50);
/// The function's defaults.
const DIVISION: Division = Division { lanes: 16, max_bytes: 60_000 };

fn main() {
    println!(
        "{:>8} {:>13} {:>13} {:>15} {:>10}",
        "profiles", "bytes/profile", "parse only", "to envelope", "profiles/s"
    );
    for profiles in [1_u32, 100, 1_000] {
        let message = message(profiles);
        let parse_only = per_profile(profiles, || {
            black_box(parse(&readable(black_box(&message)).unwrap(), &mut ()).unwrap());
        });
        let all = per_profile(profiles, || {
            let mut envelopes = Envelopes::new(DIVISION, ingest::Sent::Devices, 0);
            let text = readable(black_box(&message)).unwrap();
            let Request::Membership(membership) = parse(&text, &mut envelopes).unwrap().request else {
                panic!("another type")
            };
            black_box(envelopes.finish(membership.left_out).unwrap());
        });
        println!(
            "{profiles:>8} {:>13} {parse_only:>10.0} ns {all:>12.0} ns {:>10.0}",
            message.len() / profiles as usize,
            1e9 / all
        );
    }
}

/// Nanoseconds of CPU for each profile.
fn per_profile(profiles: u32, mut once: impl FnMut()) -> f64 {
    let mut sample = || {
        let (mut runs, start) = (0_u32, cpu());
        loop {
            for _ in 0..(1_000 / profiles) {
                once();
                runs += 1;
            }
            let spent = cpu().saturating_sub(start);
            if spent >= LASTS {
                return spent.as_secs_f64() * 1e9 / f64::from(runs) / f64::from(profiles);
            }
        }
    };
    (0..SAMPLES).map(|_| sample()).fold(f64::INFINITY, f64::min)
}

/// The CPU time of this thread, from Linux.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// A message as mParticle's SDK writes one: 3 device identities, 1 user identity, 1 or 2 audiences for each user.
fn message(profiles: u32) -> Vec<u8> {
    let mut text = String::from(concat!(
        r#"{"type":"audience_membership_change_request","id":"1317071d-3342-4e1e-a691-84bd7e762bda","#,
        r#""timestamp_ms":1714592744065,"firehose_version":"3.2.0","account":{"account_id":123456,"account_settings":"#,
        r#"{"TikTok Account Id":"7000000000000000001","TikTok Access Token":"4fcd05f0cd0dbb7a5b4dbd9a3f4fca05cd0dbb7a"}},"#,
        r#""user_profiles":["#
    ));
    for n in 0..profiles {
        let comma = if n == 0 { "" } else { "," };
        write!(
            text,
            concat!(
                r#"{comma}{{"user_identities":[{{"type":"email","encoding":"sha256","value":"e179e95c00e7718ab4a23840f992ea63e179e95c00e7718ab4a2{n:012x}"}}],"#,
                r#""device_identities":[{{"type":"ios_advertising_id","encoding":"raw","value":"66b728c2-f9a4-4d87-82ef-{n:012x}"}},"#,
                r#"{{"type":"ios_vendor_id","encoding":"raw","value":"97b826c2-ab80-4876-a184-{n:012x}"}},"#,
                r#"{{"type":"google_advertising_id","encoding":"raw","value":"31a22ef0-f119-48d4-b009-{n:012x}"}}],"#,
                r#""partner_identities":[],"audiences":[{{"audience_id":456,"audience_name":"New Users Low Engagement","#,
                r#""audience_subscription_settings":{{"tiktokAudienceId":"7123456789012345678"}},"action":"add"}}"#
            ),
            comma = comma,
            n = n
        )
        .unwrap();
        if n % 2 == 1 {
            text.push_str(concat!(
                r#",{"audience_id":654,"audience_name":"Cart Abandoners","#,
                r#""audience_subscription_settings":{"tiktokAudienceId":"7123456789012345679"},"action":"delete"}"#
            ));
        }
        write!(text, r#"],"mpid":"-73462446110129{n:05}"}}"#).unwrap();
    }
    text.push_str("]}");
    text.into_bytes()
}
