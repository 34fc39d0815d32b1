//! Whether TikTok accepts a token for an advertiser: the one way in which a token comes to be kept.

use ids::AdvertiserId;
use secrecy::SecretString;

use crate::lenient::Rows;
use crate::{Advertiser, Answer, Client, Failure, Meaning, Trace, User};

const UNREADABLE: &str = "the answer lists an advertiser in an unknown form";

/// What TikTok says of a token and an advertiser.
#[derive(Debug, Clone)]
pub enum Acceptance {
    /// TikTok lists the advertiser for this token.
    Accepted {
        /// Whose token it is.
        user: User,
        /// The advertiser, as TikTok lists it.
        advertiser: Advertiser,
    },
    /// The token does not live, may not be used for the advertiser, or the advertiser is not there: TikTok's words, or ours.
    Refused(Failure),
}

impl Client {
    /// Asks whether TikTok accepts `token` for `advertiser`, in two harmless calls: whose it is, and what it sees of the advertiser.
    ///
    /// # Errors
    /// A [`Failure`] that decides nothing, such as throttling, no answer, or the operator's fault.
    pub async fn accepts(&self, token: &SecretString, advertiser: AdvertiserId) -> Result<Acceptance, Failure> {
        let user = match self.user(token).await {
            Ok(answer) => answer.data,
            Err(failure) => return decided(failure),
        };
        match self.advertiser_page(token, &[advertiser]).await {
            Ok(Answer { data: Rows { readable, unreadable }, trace }) => {
                match readable.into_iter().find(|listed| listed.advertiser_id == advertiser) {
                    Some(advertiser) => Ok(Acceptance::Accepted { user, advertiser }),
                    // The row that cannot be read may be the advertiser's.
                    None if unreadable > 0 => Err(Failure { trace, ..Failure::without_answer(UNREADABLE) }),
                    None => Ok(Acceptance::Refused(not_listed(trace))),
                }
            }
            Err(failure) => decided(failure),
        }
    }
}

/// Whether a failed call decides that the token is refused.
fn decided(failure: Failure) -> Result<Acceptance, Failure> {
    if failure.meaning.refuses_token() { Ok(Acceptance::Refused(failure)) } else { Err(failure) }
}

/// TikTok answered, and leaves the advertiser out.
fn not_listed(trace: Trace) -> Failure {
    Failure {
        meaning: Meaning::Reauthorize,
        status: Some(200),
        trace,
        ..Failure::without_answer("the answer does not list the advertiser for this token")
    }
}
