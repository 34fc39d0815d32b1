//! Which Firehose messages are settled, in the log: that is how the way of one of them can be told.

use std::collections::{BTreeMap, HashSet};

use crate::letter::{FIREHOSE_MESSAGE_ID, SUBJECT_REQUEST_ID};
use crate::work::Work;

/// So many are named in a line.
const NAMED_TOGETHER: usize = 100;

/// Logs the Firehose messages of `gone`, each with the number of its queue messages that are gone, and the requests of people to be
/// forgotten in the same way.
pub(crate) fn report(work: &Work, gone: &HashSet<String>) {
    let (advertiser, account) = (work.connection.advertiser, work.connection.account);
    let settled = settled(work, gone, FIREHOSE_MESSAGE_ID);
    for named in settled.chunks(NAMED_TOGETHER) {
        tracing::info!(%advertiser, %account, firehose_messages = named.join(" "), "Firehose messages are settled");
    }
    let settled = self::settled(work, gone, SUBJECT_REQUEST_ID);
    for named in settled.chunks(NAMED_TOGETHER) {
        tracing::info!(%advertiser, %account, subject_requests = named.join(" "), "erasures are settled");
    }
}

/// The values of `attribute` that messages of `gone` have, each with the number of those messages.
fn settled(work: &Work, gone: &HashSet<String>, attribute: &str) -> Vec<String> {
    let mut settled = BTreeMap::<&str, u32>::new();
    for (_, message) in work.messages().filter(|(_, message)| gone.contains(&message.message_id)) {
        if let Some(id) = message.attributes.get(attribute) {
            *settled.entry(id).or_default() += 1;
        }
    }
    settled.iter().map(|(id, messages)| format!("{id}={messages}")).collect()
}
