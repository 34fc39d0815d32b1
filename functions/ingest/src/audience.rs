//! Names of audiences at TikTok. Each ends with mParticle's id of the audience, by which it is found again whatever else changes.

use ids::AudienceId;
use tiktok::{Audience, MAX_NAME_CHARS, PARTNER_AUDIENCE};

/// The name under which an audience of mParticle's is created: its own name, cut, and the mark.
pub(crate) fn name(mparticle_name: &str, mparticle_id: i64) -> String {
    let mark = mark(mparticle_id);
    let room = MAX_NAME_CHARS.saturating_sub(mark.chars().count() + 1);
    let plain: String = mparticle_name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let cut: String = plain.trim().chars().take(room).collect();
    format!("{} {mark}", cut.trim_end()).trim_start().to_owned()
}

/// The oldest of the audiences that carry the mark, and can be fed. Audiences with lower ids are older.
pub(crate) fn oldest_marked(audiences: &[Audience], mparticle_id: i64) -> Option<AudienceId> {
    let mark = mark(mparticle_id);
    let marked = |audience: &&Audience| audience.audience_type == PARTNER_AUDIENCE && audience.name.ends_with(&mark);
    audiences.iter().filter(marked).map(|audience| audience.audience_id).min()
}

fn mark(mparticle_id: i64) -> String {
    format!("[mp-{mparticle_id}]")
}
