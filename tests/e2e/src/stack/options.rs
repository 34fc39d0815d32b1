//! How a stack differs from the template as it is deployed.

/// What is different from the template as it is deployed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) elsewhere: Option<Elsewhere>,
}

/// A TikTok that is not the stack's own sandbox.
#[derive(Clone)]
pub struct Elsewhere {
    /// Its API: up to and with the version.
    pub api_base_url: String,
    /// The id of the app there.
    pub app_id: String,
    /// The secret of that app.
    pub app_secret: String,
}

/// Without the secret.
impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elsewhere").field("api_base_url", &self.api_base_url).finish_non_exhaustive()
    }
}

impl Options {
    /// The template's defaults, as on AWS, with the local window of one second.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Without a sandbox: the functions call another server that speaks the same API.
    #[must_use]
    pub fn tiktok_at(mut self, elsewhere: Elsewhere) -> Self {
        self.elsewhere = Some(elsewhere);
        self
    }

    /// With this template parameter.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((parameter, value.into()));
        self
    }
}
