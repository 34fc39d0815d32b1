//! The status as people read it.

use super::{Cause, Row, Status};
use crate::output::{count, grouped, table};
use crate::time::age;

pub(super) fn text(status: &Status, now_ms: i64) -> String {
    let Status { stack, deployment, queue, dead_letters, connections, .. } = status;
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
    if dead_letters.is_empty() {
        text += "Dead letters: none\n";
    } else {
        let cells = |cause: &Cause| {
            let people = format!("{} in, {} out", grouped(cause.adds), grouped(cause.deletes));
            vec![grouped(cause.letters), cause.word.clone(), people]
        };
        text += "Dead letters:\n";
        text += &table(&["letters", "cause", "people"], &dead_letters.iter().map(cells).collect::<Vec<_>>());
    }
    if status.dead_letters_in_flight > 0 {
        text += "  and ";
        text += &count(status.dead_letters_in_flight, "letter");
        text += " in somebody else's hands\n";
    }
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
