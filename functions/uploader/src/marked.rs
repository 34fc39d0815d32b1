//! Audiences found by their mark: a dead letter `no_audience` knows only mParticle's id of the audience, which may be connected by now.

use std::collections::HashMap;

use connections::Mark;
use ids::{AudienceId, ConnectionId};
use tokio::time::Instant;

use crate::App;
use crate::token::Usable;

/// TikTok's audiences of a connection, by mParticle's ids.
pub(crate) type Marked = HashMap<i64, AudienceId>;

impl App {
    /// The oldest audience of each mark of `connection`. Where TikTok does not list them all, those that it did list: the others' changes
    /// become letters again.
    pub(crate) async fn marked(&self, connection: ConnectionId, usable: &Usable, until: Instant) -> Marked {
        let mut marked = Marked::new();
        for page in 1.. {
            if self.turns.turn(connection, until).await.is_err() {
                break;
            }
            let answer = match self.tiktok.audiences(&usable.token, connection.advertiser, page).await {
                Ok(answer) => answer.data,
                Err(failure) => {
                    tracing::warn!(
                        advertiser = %connection.advertiser, account = %connection.account, code = failure.code,
                        tiktok_request_id = failure.trace.request_id, tiktok_message = failure.message,
                        "TikTok does not list the audiences of an advertiser"
                    );
                    break;
                }
            };
            for audience in answer.audiences {
                let mark = Mark::of(&audience.name).filter(|mark| mark.account == connection.account);
                if let Some(mark) = mark.filter(|_| !usable.deleted.contains(&audience.audience_id)) {
                    let oldest = marked.entry(mark.audience).or_insert(audience.audience_id);
                    *oldest = audience.audience_id.min(*oldest);
                }
            }
            if page >= answer.total_pages {
                break;
            }
        }
        marked
    }
}
