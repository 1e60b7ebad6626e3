use tenon_domain::Secret;

/// A provider, and how it knows the server.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// What the provider calls itself, letter by letter.
    pub issuer: String,
    /// The name that it knows the server by.
    pub client_id: String,
    /// What identifies the server to it; none for a public client.
    pub client_secret: Option<Secret>,
    /// Where people reach the server.
    pub public_url: String,
    /// The path that the provider sends people back to.
    pub callback: String,
    /// What it is asked for; `openid` among it.
    pub scopes: Vec<String>,
    /// The claim that names a person; `None`: a verified e-mail address, else `preferred_username`, else `sub`.
    pub user_claim: Option<String>,
    /// The claim that lists the groups of a person.
    pub groups_claim: Option<String>,
}
