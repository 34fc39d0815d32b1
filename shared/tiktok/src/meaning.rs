//! What TikTok's body codes and HTTP statuses mean, as a table.
//!
//! TikTok answers HTTP 200 to nearly everything; the outcome is the `code` in the body. The table restates TikTok's published
//! return codes and what the connectors of others learned. Codes that it does not list are read by their range.

/// What a call that was not done needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Some rows were taken and some were not; TikTok does not say which.
    PartlySuccessful,
    /// The app made too many calls: everyone slows down.
    AppThrottled,
    /// Too many calls for this advertiser.
    AdvertiserThrottled,
    /// TikTok, or the way to it, is in trouble: the same call may work later.
    Unavailable,
    /// The token is not accepted for this advertiser (any more): somebody has to authorize again.
    Reauthorize,
    /// 40001: the token's owner may not do this with this advertiser. It may be fixed in TikTok's own pages, without a new token.
    NotPermitted,
    /// 40118: TikTok has not put the app on the allow-list for these endpoints. The operator asks for it in the developer portal.
    NotAllowListed,
    /// 40007: something that the call names does not exist (any more).
    Missing,
    /// The `auth_code` is used, canceled or expired: the consent has to be done again.
    RestartConsent,
    /// Only the operator of this integration can fix it: a blocked app, a wrong secret, a wrong address.
    Operator,
    /// The call holds too much; smaller calls may work.
    TooLarge,
    /// Something in the call is wrong and stays wrong.
    Rejected,
    /// A refusal with a code that the table does not know: treated as a rejection, and worth an alarm.
    RejectedUnknown,
}

/// Why the same call may be done later, though nobody does anything about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// There were too many calls: this one was not done.
    Throttled,
    /// TikTok, or the way to it, is in trouble: nobody knows whether it was done.
    Trouble,
}

impl Meaning {
    /// The meaning of a body's `code`, or `None` if what was asked for is done.
    ///
    /// The `message` matters for 40000 alone, which also says that a token belongs to another app.
    pub(crate) fn of_code(code: i64, message: &str) -> Option<Self> {
        Some(match code {
            // 40012: nothing to update. 40050: the same request again.
            0 | 40012 | 40050 => return None,
            20001 => Self::PartlySuccessful,
            40016 | 40100 | 61000 => Self::AppThrottled,
            40132 | 40133 => Self::AdvertiserThrottled,
            40200..=40202 | 40700 => Self::Unavailable,
            40001 => Self::NotPermitted,
            40007 => Self::Missing,
            40118 => Self::NotAllowListed,
            40102 | 40103 | 40105..=40108 | 40114 | 40119 | 40130 | 40131 | 40300..=40302 | 40309 => Self::Reauthorize,
            40000 if of_another_app(message) => Self::Reauthorize,
            40110 | 40115 => Self::RestartConsent,
            40006
            | 40008..=40010
            | 40013
            | 40014
            | 40051
            | 40063
            | 40101
            | 40104
            | 40113
            | 40124
            | 40125
            | 40400
            | 41000..=41002 => Self::Operator,
            40011 | 40061 => Self::TooLarge,
            40000 | 40002 | 40003 | 40062 | 40109 | 40112 | 40116 | 40117 => Self::Rejected,
            other => return Some(Self::of_range(other)),
        })
    }

    /// A code that the table does not list. A closed list of codes to retry had to be patched again and again by a peer.
    const fn of_range(code: i64) -> Self {
        match code {
            40000..=49999 => Self::RejectedUnknown,
            // 5xxxx and 6xxxx are TikTok's own trouble; any other is no code of TikTok's, so what answered is not the API in good health.
            _ => Self::Unavailable,
        }
    }

    /// The meaning of an HTTP status that speaks for itself, whatever the body; `None` if the body decides.
    pub(crate) const fn of_status(status: u16) -> Option<Self> {
        match status {
            408 | 500..=599 => Some(Self::Unavailable),
            429 => Some(Self::AppThrottled),
            // Redirects are not followed: they would carry the token elsewhere. 404 is what a wrong base address or path gets.
            300..=399 | 404 => Some(Self::Operator),
            413 => Some(Self::TooLarge),
            _ => None,
        }
    }

    /// Whether the same call may be done later by itself, and why.
    #[must_use]
    pub const fn passing(self) -> Option<Passing> {
        match self {
            Self::AppThrottled | Self::AdvertiserThrottled => Some(Passing::Throttled),
            Self::Unavailable => Some(Passing::Trouble),
            Self::PartlySuccessful
            | Self::Reauthorize
            | Self::NotPermitted
            | Self::NotAllowListed
            | Self::Missing
            | Self::RestartConsent
            | Self::Operator
            | Self::TooLarge
            | Self::Rejected
            | Self::RejectedUnknown => None,
        }
    }

    /// Whether an answer to a harmless call that names an advertiser says that the token is not accepted for it.
    #[must_use]
    pub const fn refuses_token(self) -> bool {
        match self {
            Self::Reauthorize | Self::NotPermitted | Self::Missing => true,
            Self::PartlySuccessful
            | Self::AppThrottled
            | Self::AdvertiserThrottled
            | Self::Unavailable
            | Self::NotAllowListed
            | Self::RestartConsent
            | Self::Operator
            | Self::TooLarge
            | Self::Rejected
            | Self::RejectedUnknown => false,
        }
    }

    /// The word under which it is counted and logged.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::PartlySuccessful => "partly_successful",
            Self::AppThrottled => "app_throttled",
            Self::AdvertiserThrottled => "advertiser_throttled",
            Self::Unavailable => "unavailable",
            Self::Reauthorize => "reauthorize",
            Self::NotPermitted => "not_permitted",
            Self::NotAllowListed => "not_allow_listed",
            Self::Missing => "missing",
            Self::RestartConsent => "restart_consent",
            Self::Operator => "operator",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::RejectedUnknown => "rejected_unknown",
        }
    }
}

/// 40000 with a message such as "The `app_id` is inconsistent with the app of the access token".
fn of_another_app(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("app_id") && message.contains("inconsistent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_code_has_its_meaning() {
        let table: [(Option<Meaning>, &[i64]); 14] = [
            (None, &[0, 40012, 40050]),
            (Some(Meaning::PartlySuccessful), &[20001]),
            (Some(Meaning::AppThrottled), &[40016, 40100, 61000]),
            (Some(Meaning::AdvertiserThrottled), &[40132, 40133]),
            (
                Some(Meaning::Unavailable),
                &[
                    40200,
                    40201,
                    40202,
                    40700,
                    50000,
                    50002,
                    51000,
                    51010,
                    51063,
                    51999,
                    52000,
                    53103,
                    60001,
                    59999,
                    69999,
                    1,
                    -1,
                    20000,
                    30000,
                    70000,
                    99999,
                    i64::MAX,
                    i64::MIN,
                ],
            ),
            (
                Some(Meaning::Reauthorize),
                &[40102, 40103, 40105, 40106, 40107, 40108, 40114, 40119, 40130, 40131, 40300, 40301, 40302, 40309],
            ),
            (Some(Meaning::NotPermitted), &[40001]),
            (Some(Meaning::NotAllowListed), &[40118]),
            (Some(Meaning::Missing), &[40007]),
            (Some(Meaning::RestartConsent), &[40110, 40115]),
            (
                Some(Meaning::Operator),
                &[
                    40006, 40008, 40009, 40010, 40013, 40014, 40051, 40063, 40101, 40104, 40113, 40124, 40125, 40400,
                    41000, 41001, 41002,
                ],
            ),
            (Some(Meaning::TooLarge), &[40011, 40061]),
            (Some(Meaning::Rejected), &[40000, 40002, 40003, 40062, 40109, 40112, 40116, 40117]),
            (Some(Meaning::RejectedUnknown), &[40004, 40005, 40111, 40199, 40999, 42000, 49999]),
        ];
        for (meaning, codes) in table {
            for code in codes {
                assert_eq!(Meaning::of_code(*code, "a message"), meaning, "{code}");
            }
        }
    }

    #[test]
    fn a_token_of_another_app_has_to_be_authorized_again() {
        let message = "The app_id is inconsistent with the app_id of the access token";
        assert_eq!(Meaning::of_code(40000, message), Some(Meaning::Reauthorize));
        assert_eq!(Meaning::of_code(40002, message), Some(Meaning::Rejected));
    }

    #[test]
    fn statuses_that_speak_for_themselves() {
        let table: [(Option<Meaning>, &[u16]); 5] = [
            (None, &[200, 202, 204, 400, 401, 403]),
            (Some(Meaning::Unavailable), &[408, 500, 502, 503, 504, 599]),
            (Some(Meaning::AppThrottled), &[429]),
            (Some(Meaning::Operator), &[301, 302, 307, 308, 404]),
            (Some(Meaning::TooLarge), &[413]),
        ];
        for (meaning, statuses) in table {
            for status in statuses {
                assert_eq!(Meaning::of_status(*status), meaning, "{status}");
            }
        }
    }
}
