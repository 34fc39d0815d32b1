//! The status as people read it.

use super::{Cause, Row, Status};
use crate::letter::people;
use crate::output::{count, grouped, table};
use crate::time::age;

pub(super) fn text(status: &Status, now_ms: i64) -> String {
    let Status { stack, deployment, queue, dead_letters, dead_letters_in_flight, connections } = status;
    let users = match (queue.messages + queue.in_flight, queue.users_estimate) {
        (0, _) => "nobody waits".to_owned(),
        (_, Some(users)) => format!("about {} (an estimate)", count(users, "user")),
        (_, None) => "users not known: nothing arrived lately".to_owned(),
    };
    let oldest = queue.oldest_blocked_seconds.map_or_else(String::new, |seconds| {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of at most 14 days")]
        let ms = (seconds * 1000.0) as i64;
        format!(", the oldest that is blocked {}", age(now_ms - ms, now_ms))
    });
    let mut text = format!(
        "{stack} ({deployment})\n\nQueue: {} waiting, {} in flight; {users}{oldest}\n",
        count(queue.messages, "message"),
        grouped(queue.in_flight)
    );
    text += &dead_letters_text(dead_letters, *dead_letters_in_flight);
    text.push('\n');
    if connections.is_empty() {
        return text + "No connections yet.";
    }
    let cells = |row: &Row| {
        let since = row.since_ms.map_or_else(String::new, |ms| age(ms, now_ms));
        let delivered =
            row.last_delivered_ms.map_or_else(|| "not in 24 h".to_owned(), |ms| format!("{} ago", age(ms, now_ms)));
        let account = row.account.map_or_else(|| "-".to_owned(), |account| account.to_string());
        let why = row.why.clone().unwrap_or_default();
        vec![row.advertiser.to_string(), account, row.state.to_owned(), since, delivered, why]
    };
    let headings = ["advertiser", "account", "state", "since", "delivered", "why"];
    text + &table(&headings, &connections.iter().map(cells).collect::<Vec<_>>())
}

fn dead_letters_text(causes: &[Cause], in_flight: u64) -> String {
    let cells = |cause: &Cause| {
        vec![grouped(cause.letters), cause.word.clone(), people(cause.adds, cause.deletes, cause.erasures)]
    };
    let listed = if causes.is_empty() {
        "Dead letters: none\n".to_owned()
    } else {
        let rows: Vec<_> = causes.iter().map(cells).collect();
        format!("Dead letters:\n{}", table(&["letters", "cause", "people"], &rows))
    };
    let away = count(in_flight, "letter");
    if in_flight > 0 { format!("{listed}  and {away} that somebody else is looking at\n") } else { listed }
}
