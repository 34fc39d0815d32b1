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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_with_the_mark_and_fits() {
        assert_eq!(name(" New\tUsers ", 456), "New Users [mp-456]");
        assert_eq!(name("\n", 456), "[mp-456]");
        for id in [0, i64::MAX, i64::MIN] {
            let name = name(&"漢".repeat(100), id);
            assert_eq!(name.chars().count(), MAX_NAME_CHARS);
            assert!(name.ends_with(&format!("漢 [mp-{id}]")), "{name}");
        }
    }
}
