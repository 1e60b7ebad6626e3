use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! kinds {
    ($($(#[$documentation:meta])* $kind:ident => $name:literal,)*) => {
        /// What was found. Where two overlap, the one that is named first here names both.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$documentation])* $kind,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name in audit logs; in capitals, the name in placeholders.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A private key in PEM, or a part of one.
    PrivateKey => "private_key",
    /// A JSON web token.
    JsonWebToken => "json_web_token",
    /// The id of an AWS access key.
    AwsAccessKeyId => "aws_access_key_id",
    /// A token of GitHub.
    GitHubToken => "github_token",
    /// A token of GitLab.
    GitLabToken => "gitlab_token",
    /// A token of Slack.
    SlackToken => "slack_token",
    /// The address of an incoming webhook of Slack.
    SlackWebhook => "slack_webhook",
    /// A secret or restricted key of Stripe.
    StripeKey => "stripe_key",
    /// An API key, an OAuth token or a client secret of Google.
    GoogleKey => "google_key",
    /// A key of Anthropic.
    AnthropicKey => "anthropic_key",
    /// A key of OpenAI, or of a service that writes its keys the same way.
    OpenAiKey => "openai_key",
    /// A token of Hugging Face.
    HuggingFaceToken => "hugging_face_token",
    /// A token of npm.
    NpmToken => "npm_token",
    /// A token of the Python Package Index.
    PypiToken => "pypi_token",
    /// A key of SendGrid.
    SendGridKey => "sendgrid_key",
    /// A key of Twilio, or the token beside an account's id.
    TwilioKey => "twilio_key",
    /// A key of Tenon.
    TenonKey => "tenon_key",
    /// The key of an Azure storage account or service bus.
    AzureKey => "azure_key",
    /// A token of DigitalOcean.
    DigitalOceanToken => "digitalocean_token",
    /// The token of a Telegram bot.
    TelegramToken => "telegram_token",
    /// The secret part of a Discord webhook's address.
    DiscordWebhook => "discord_webhook",
    /// A token of Databricks.
    DatabricksToken => "databricks_token",
    /// A token of Shopify.
    ShopifyToken => "shopify_token",
    /// A key of Cloudflare.
    CloudflareKey => "cloudflare_key",
    /// A key of Mailgun.
    MailgunKey => "mailgun_key",
    /// A token of Atlassian or Bitbucket.
    AtlassianToken => "atlassian_token",
    /// A token of another service that marks its tokens.
    ServiceToken => "service_token",
    /// The secret key beside the id of an AWS access key.
    AwsSecretKey => "aws_secret_key",
    /// The password in a URL.
    UrlPassword => "url_password",
    /// The password in a connection string.
    ConnectionPassword => "connection_password",
    /// What an `Authorization` header carries.
    Authorization => "authorization",
    /// A value with the name of a password.
    Password => "password",
    /// A value with the name of a secret, token or key.
    Credential => "credential",
    /// An e-mail address.
    Email => "email",
    /// The number of a payment card.
    PaymentCard => "payment_card",
    /// An international bank account number.
    Iban => "iban",
    /// A telephone number in international form.
    Phone => "phone",
    /// A public IPv4 or IPv6 address.
    IpAddress => "ip_address",
    /// A social security number of the United States.
    SocialSecurityNumber => "social_security_number",
    /// Another national identity, tax or health number.
    NationalId => "national_id",
    /// Text that was there before and looks like a placeholder. It is never found, only replaced.
    Lookalike => "lookalike",
}

impl Kind {
    /// Whether it opens something; otherwise it is about a person.
    #[must_use]
    pub fn is_secret(self) -> bool {
        self < Self::Email
    }

    /// Whether only what stands around it gives it away, so that it would not be found elsewhere.
    #[must_use]
    pub fn needs_context(self) -> bool {
        (Self::AwsSecretKey..=Self::Credential).contains(&self) || self == Self::TwilioKey
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
