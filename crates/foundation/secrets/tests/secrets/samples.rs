//! Secrets of every kind, put together when they are needed: none stands in the repository.

use tenon_secrets::Kind;

/// A text and the part of it that must go.
pub struct Sample {
    pub kind: Kind,
    pub text: String,
    pub value: String,
}

/// The same numbers on every machine (splitmix64).
pub struct Random(pub u64);

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &str = "0123456789abcdef";
const DIGITS: &str = "0123456789";

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn one_of<'list, T: ?Sized>(&mut self, list: &[&'list T]) -> &'list T {
        list[self.below(list.len())]
    }

    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..length)
            .map(|_| char::from(alphabet[self.below(alphabet.len())]))
            .collect()
    }
}

/// A sample of one kind. A placeholder's lookalike is no sample: what it looks like is known only to a session.
pub fn sample(kind: Kind, random: &mut Random) -> Sample {
    let value = value(kind, random);
    let text = match kind {
        Kind::UrlPassword => format!("postgres://app:{value}@db.internal:5432/app"),
        Kind::ConnectionPassword => format!("Server=db;User Id=sa;Password={value};Encrypt=true"),
        Kind::Authorization => format!("Authorization: Bearer {value}"),
        Kind::AwsSecretKey => {
            let id = self::value(Kind::AwsAccessKeyId, random);
            format!("[default]\nid = {id}\nother = {value}\n")
        }
        Kind::TwilioKey if random.below(2) == 0 => {
            format!("Client(\"AC{}\", \"{value}\")", random.text(HEX, 32))
        }
        Kind::TwilioKey => return marked(kind, format!("S{}{value}", "K")),
        Kind::AzureKey => format!("AccountName=a;AccountKey={value};EndpointSuffix=e"),
        Kind::SlackWebhook => format!("https://hooks.slack.com/{value}"),
        Kind::DiscordWebhook => format!("https://discord.com/api/webhooks/{value}"),
        Kind::Password => random
            .one_of(&[
                "password: \"#\"",
                "DB_PASSWORD=#\n",
                "\"passwd\": '#'",
                "pwd := `#`",
            ])
            .replace('#', &value),
        Kind::Credential => {
            let frames = [
                "const apiKey = \"#\";",
                "client_secret: #\n",
                "export AUTH_TOKEN=#\n",
                "(\"X-Api-Key\", \"#\")",
            ];
            random.one_of(&frames).replace('#', &value)
        }
        Kind::NationalId => format!("NHS number: {value}"),
        Kind::SocialSecurityNumber if random.below(2) == 0 => format!("ssn = '{}'", value.replace('-', "")),
        _ => return marked(kind, value),
    };
    let value = if text.contains(&value) {
        value
    } else {
        value.replace('-', "")
    };
    Sample { kind, text, value }
}

fn marked(kind: Kind, value: String) -> Sample {
    Sample {
        kind,
        text: format!("x = \"{value}\""),
        value,
    }
}

fn value(kind: Kind, random: &mut Random) -> String {
    match kind {
        Kind::PrivateKey => private_key(random),
        Kind::JsonWebToken => {
            let header = ["eyJhbGciOiJIUzI1NiJ9", "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"];
            let header = random.one_of(&header);
            format!(
                "{header}.eyJ{}.{}",
                random.text(BASE62, 40),
                random.text(BASE62, 43)
            )
        }
        Kind::AwsAccessKeyId => format!(
            "AK{}{}",
            "IA",
            random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
        ),
        Kind::AwsSecretKey => format!("a{}", random.text(BASE64, 36)) + "Z7q",
        Kind::GitHubToken if random.below(3) == 0 => format!(
            "github{}{}_{}",
            "_pat_",
            random.text(BASE62, 22),
            random.text(BASE62, 59)
        ),
        Kind::GitHubToken => format!(
            "gh{}{}",
            random.one_of(&["p_", "o_", "u_", "s_", "r_"]),
            random.text(BASE62, 36)
        ),
        Kind::GitLabToken => format!("glp{}{}", "at-", random.text(BASE62, 20)),
        Kind::SlackToken => format!(
            "xo{}-{}-{}",
            random.one_of(&["xb", "xp", "xa"]),
            random.text(DIGITS, 12),
            random.text(BASE62, 24)
        ),
        Kind::SlackWebhook => format!(
            "services/T{}/B{}/{}",
            random.text(BASE62, 9),
            random.text(BASE62, 9),
            random.text(BASE62, 24)
        ),
        Kind::StripeKey => format!(
            "{}k_{}_{}",
            random.one_of(&["s", "r"]),
            random.one_of(&["live", "test"]),
            random.text(BASE62, 24)
        ),
        Kind::GoogleKey => format!("AI{}{}", "za", random.text(BASE62, 35)),
        Kind::AnthropicKey => format!("sk-a{}-api03-{}", "nt", random.text(BASE62, 95)),
        Kind::OpenAiKey => format!(
            "sk{}{}",
            random.one_of(&["-proj-", "-", "-svcacct-"]),
            random.text(BASE62, 48)
        ),
        Kind::HuggingFaceToken => format!("h{}{}", "f_", random.text(LETTERS, 34)),
        Kind::NpmToken => format!("np{}{}", "m_", random.text(BASE62, 36)),
        Kind::PypiToken => format!("py{}AgEIcHlwaS5vcmc{}", "pi-", random.text(BASE62, 90)),
        Kind::SendGridKey => format!("S{}{}.{}", "G.", random.text(BASE62, 22), random.text(BASE62, 43)),
        Kind::TwilioKey => random.text(HEX, 32),
        Kind::TenonKey => format!(
            "ten{}{}_{}",
            "on_",
            random.text("abcdefghijklmnopqrstuvwxyz234567", 12),
            random.text(BASE62, 43)
        ),
        Kind::AzureKey => random.text(BASE64, 86) + "==",
        Kind::DigitalOceanToken => format!("do{}{}", "p_v1_", random.text(HEX, 64)),
        Kind::TelegramToken => format!("1{}:A{}{}", random.text(DIGITS, 8), "A", random.text(BASE62, 33)),
        Kind::DiscordWebhook => format!("1{}/{}", random.text(DIGITS, 18), random.text(BASE62, 68)),
        Kind::DatabricksToken => format!("da{}{}", "pi", random.text(HEX, 32)),
        Kind::ShopifyToken => format!("shp{}{}", "at_", random.text(HEX, 32)),
        Kind::CloudflareKey => format!("v1.{}{}-{}", "0-", random.text(HEX, 24), random.text(HEX, 146)),
        Kind::MailgunKey => format!("ke{}{}", "y-", random.text(HEX, 32)),
        Kind::AtlassianToken => format!("ATA{}{}", "TT3", random.text(BASE62, 180)),
        Kind::ServiceToken => service_token(random),
        Kind::UrlPassword | Kind::ConnectionPassword => random.text(BASE62, 12),
        Kind::Authorization => random.text(BASE62, 40),
        Kind::Password => format!("{}7{}!4", random.text(LETTERS, 5), random.text(BASE62, 4)),
        Kind::Credential => random.text(BASE62, 32),
        Kind::Email => format!(
            "{}.{}@mail.{}.io",
            random.text("abcdefghij", 5),
            random.text("klmnopqrs", 6),
            random.text("tuvwxyz", 7)
        ),
        Kind::Phone => format!(
            "+49 {} {}",
            random.one_of(&["30", "89", "171"]),
            random.text("123456789", 7)
        ),
        Kind::PaymentCard => payment_card(random),
        Kind::Iban => iban(random),
        Kind::IpAddress if random.below(3) == 0 => format!(
            "2a02:{}::{}",
            random.text("123456789", 4),
            random.text("123456789", 3)
        ),
        Kind::IpAddress => format!(
            "{}.{}.{}.{}",
            60 + random.below(30),
            random.below(256),
            random.below(256),
            1 + random.below(250)
        ),
        Kind::SocialSecurityNumber => {
            format!(
                "{}-{}-{}",
                200 + random.below(400),
                10 + random.below(80),
                1000 + random.below(8000)
            )
        }
        Kind::NationalId => nhs_number(random),
        Kind::Lookalike => "TENON_REDACTED_EMAIL_1_X".to_owned(),
    }
}

fn service_token(random: &mut Random) -> String {
    match random.below(6) {
        0 => format!("dckr{}{}", "_pat_", random.text(BASE62, 27)),
        1 => format!("glsa{}{}_{}", "_", random.text(BASE62, 32), random.text(HEX, 8)),
        2 => format!("hvs{}{}", ".", random.text(BASE62, 90)),
        3 => format!("gsk{}{}", "_", random.text(BASE62, 52)),
        4 => format!("ruby{}{}", "gems_", random.text(HEX, 48)),
        _ => format!("lin{}{}", "_api_", random.text(BASE62, 40)),
    }
}

fn private_key(random: &mut Random) -> String {
    let lines: Vec<String> = (0..4).map(|_| random.text(BASE64, 64)).collect();
    let label = random.one_of(&["RSA PRIVATE", "PRIVATE", "OPENSSH PRIVATE"]);
    format!(
        "-----BEGIN {label} KEY-----\n{}\n-----END {label} KEY-----",
        lines.join("\n")
    )
}

/// The last digit is the one that makes the doubled sum a multiple of ten.
fn payment_card(random: &mut Random) -> String {
    let body = format!("4{}", random.text(DIGITS, 14));
    let sum: u32 = body
        .chars()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = digit.to_digit(10).unwrap() * if index % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    let number = format!("{body}{}", (10 - sum % 10) % 10);
    match random.below(2) {
        0 => number,
        _ => [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(" "),
    }
}

/// Germany's: D is 13 and E is 14, then two zeros for the check digits.
fn iban(random: &mut Random) -> String {
    let account = random.text(DIGITS, 18);
    let remainder = format!("{account}131400")
        .bytes()
        .fold(0, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

/// Drawn until there is a check digit for it.
fn nhs_number(random: &mut Random) -> String {
    loop {
        let body = random.text("123456789", 9);
        let sum: u32 = body
            .chars()
            .zip((2..=10).rev())
            .map(|(digit, weight)| digit.to_digit(10).unwrap() * weight)
            .sum();
        let check = (11 - sum % 11) % 11;
        if check < 10 {
            return format!("{} {} {}{check}", &body[..3], &body[3..6], &body[6..]);
        }
    }
}
