use tenon_secrets::{Kind, Settings, scan};

use crate::samples::{Random, Sample, sample};

/// What is found in `text`, and where.
fn found(text: &str) -> Vec<(Kind, &str)> {
    let spans = scan(text, Settings::default());
    spans.iter().map(|span| (span.kind, span.of(text))).collect()
}

fn samples(seed: u64) -> impl Iterator<Item = Sample> {
    let mut random = Random(seed);
    let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Lookalike);
    kinds.map(move |kind| sample(*kind, &mut random))
}

#[test]
fn every_kind_is_found_whole_and_named() {
    for sample in (0..40).flat_map(samples) {
        let found = found(&sample.text);
        assert!(
            found
                .iter()
                .any(|(kind, value)| *kind == sample.kind && value.contains(&sample.value)),
            "{}: {found:?}",
            sample.text
        );
    }
}

#[test]
fn what_stands_around_a_value_is_no_part_of_it() {
    let value = sample(Kind::GitHubToken, &mut Random(7)).value;
    let text = format!("日本{value}é, \\n{value}, %3D{value}");
    assert_eq!(found(&text), [(Kind::GitHubToken, value.as_str()); 3]);
}

#[test]
fn a_value_that_is_cut_short_or_runs_on_is_no_token() {
    for kind in [
        Kind::AwsAccessKeyId,
        Kind::GitHubToken,
        Kind::GoogleKey,
        Kind::NpmToken,
        Kind::TenonKey,
        Kind::DigitalOceanToken,
        Kind::TelegramToken,
        Kind::DatabricksToken,
        Kind::ShopifyToken,
        Kind::MailgunKey,
        Kind::CloudflareKey,
        Kind::JsonWebToken,
        Kind::Iban,
        Kind::PaymentCard,
        Kind::SocialSecurityNumber,
    ] {
        let value = sample(kind, &mut Random(5)).value;
        let head = &value[..value.len() / 2];
        let glued = format!("Q9{value}");
        for near_miss in [head, &glued] {
            let text = format!("x = \"{near_miss}\"");
            let found = found(&text);
            assert!(
                found.iter().all(|(found, _)| *found != kind),
                "{kind}: {near_miss} is {found:?}"
            );
        }
    }
}

#[test]
fn near_misses_of_every_kind_are_left_alone() {
    let body = |length: usize| Random(3).text("abcdefGHIJKL0123456789", length);
    for near_miss in [
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
            body(64)
        ),
        "\"-----BEGIN RSA PRIVATE KEY-----\" begins a key".to_owned(),
        format!("eyJ{}.{}.{}", body(20), body(20), body(20)),
        format!("AKIA{}", "IOSFODNN7EXAMPLE"),
        format!("ghp_{}", "x".repeat(36)),
        format!("glpat-{}", body(12)),
        "xoxb-your-token-here".to_owned(),
        "https://hooks.slack.com/services/T00/B00/XXX".to_owned(),
        format!("pk_live_{}", body(24)),
        format!("sk_live_{}", "abcdefghijklmnopqrstuvwx"),
        format!("AIza{}", body(20)),
        "sk-ant-api03-example-key-for-documentation".to_owned(),
        "sk-circle-fade-dot-animation-long".to_owned(),
        "hf_hub_download, hf_transfer".to_owned(),
        "npm_config_registry".to_owned(),
        "pypi-publish-action".to_owned(),
        "SG.sendgrid.net".to_owned(),
        format!("SK{}", body(10)),
        "tenon_redact::Kind".to_owned(),
        "AccountKey=<key>; sig=none".to_owned(),
        "dop_v1_token".to_owned(),
        "12:AAclass".to_owned(),
        "https://discord.com/api/webhooks/{id}/{token}".to_owned(),
        "dapi = Databricks()".to_owned(),
        "shpat_ and shpss_ are prefixes".to_owned(),
        "v1.0-beta".to_owned(),
        "key-value, key-0123".to_owned(),
        "ATATT3 begins a token of Atlassian".to_owned(),
        "hvs.read(path), gsk_model".to_owned(),
        "postgres://user:password@localhost/db".to_owned(),
        "https://user:${PASSWORD}@host, http://host:8080/a@b".to_owned(),
        "postgres://{user}:{password}@{host}/".to_owned(),
        "Server=db;User Id=sa;Password=<password>;".to_owned(),
        "Authorization: Bearer ${token}".to_owned(),
        "Bearer authentication is needed, Basic authentication is not".to_owned(),
        "password = getpass(); password: string; PASSWORD=$1".to_owned(),
        "assert password == 'changeme1'".to_owned(),
        "token = tokenizer.next_token2()".to_owned(),
        "const secret = process.env.SECRET_KEY_2;".to_owned(),
        "API_KEY = os.environ[\"API_KEY_2\"]".to_owned(),
        "bob@example.com, x@localhost, a@b.test, git@github.com:tenon/tenon".to_owned(),
        "noreply@github.com, icon@2x.png, @app.route('/')".to_owned(),
        "getty@tty1.service, pkg@1.2.3, x@y.method()".to_owned(),
        "4111 1111 1111 1112, 0.4111111111111111, 41111111111111110".to_owned(),
        "DE89370400440532013001, GB82WEST".to_owned(),
        "+01:00, 1+4930123456789, x +10 -20 -30 -40".to_owned(),
        "+1 212 555 0123, +44 7700 900123".to_owned(),
        "127.0.0.1 10.1.2.3 192.168.0.1 192.0.2.7 0.0.0.0 224.0.0.251".to_owned(),
        "Chrome/120.0.0.0, version 84.12.7.9, pkg==84.12.7.9, 1.2.3.4".to_owned(),
        "::1 fe80::1 2001:db8::1 20:30:15 std::2".to_owned(),
        "fd00:2a02::1".to_owned(),
        "000-12-3456, 666-12-3456, 123-45-678, 2024-01-02".to_owned(),
        "NHS number: 943 476 5918; NIF 12345678A; nie 5".to_owned(),
        "12345678Z and 943 476 5919 without a word that says what they are".to_owned(),
    ] {
        assert_eq!(found(&near_miss), [], "{near_miss}");
    }
}

#[test]
fn national_numbers_of_five_countries_are_known() {
    for (text, number) in [
        ("DNI: 12345678Z", "12345678Z"),
        ("nie = \"X1234567L\"", "X1234567L"),
        ("Steuer-ID 86 095 742 719", "86 095 742 719"),
        ("nhs_number: 9434765919", "9434765919"),
        ("CPF: 529.982.247-25", "529.982.247-25"),
        (
            "numéro de sécurité sociale : 2 55 08 14 168 025 38",
            "2 55 08 14 168 025 38",
        ),
    ] {
        assert_eq!(found(text), [(Kind::NationalId, number)]);
    }
}

#[test]
fn credentials_are_found_in_the_forms_of_many_languages() {
    let value = "qW7$eR9tY2uI4oP6";
    let plain = "qW7eR9tY2uI4oP6aS8dF0";
    for text in [
        format!("password = \"{value}\""),
        format!("let password: &str = \"{value}\";"),
        format!("const apiSecret: string =\n  '{plain}';"),
        format!("cfg[\"api_key\"] = r\"{plain}\""),
        format!("{{\\\"password\\\": \\\"{plain}\\\"}}"),
        format!("config := Config{{Token: \"{plain}\"}}"),
        format!("Secret::new(secret: String::from(\"{plain}\"))"),
        format!("os.environ.setdefault('AUTH_TOKEN', '{plain}')"),
        format!("DB_PASSWORD={value}"),
        format!("TOKEN={plain} ./deploy.sh"),
        format!("  secret_key: {plain}\n"),
        format!("curl -H \"X-Api-Key: {plain}\""),
        format!("<password>{plain}</password>"),
        format!("host=db user=app password={plain} dbname=app"),
        format!("https://api.internal/login?user=a&password={plain}"),
        format!("headers = {{'Authorization': 'token {plain}'}}"),
        format!("Authorization: Basic {}", "dXNlcjpxVzdlUjl0WTJ1STRv"),
        format!("if password != \"{value}\" {{"),
    ] {
        let found = found(&text);
        let values = [value, plain, "dXNlcjpxVzdlUjl0WTJ1STRv"];
        assert!(
            found.len() == 1 && values.contains(&found[0].1),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_key_that_is_cut_off_is_found_as_far_as_it_goes() {
    let key = sample(Kind::PrivateKey, &mut Random(11)).value;
    let lines: Vec<&str> = key.lines().collect();
    let head = format!("x = 1\n{}", lines[..3].join("\n"));
    let tail = format!("{}\n\ny = 2", lines[3..].join("\n"));
    let escaped = format!("\"{}\"", key.replace('\n', "\\n"));
    let wrapped = lines.join("\\n\" +\n  \"");
    for text in [head, tail, escaped, wrapped] {
        let found = found(&text);
        assert!(
            found.len() == 1
                && lines[1..5]
                    .iter()
                    .all(|line| !text.replace(found[0].1, "").contains(line)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_wide_line_is_searched_to_its_end() {
    let token = sample(Kind::StripeKey, &mut Random(2)).value;
    let text = format!("var a=[{}\"{token}\"];", "0.25,\"x\",".repeat(300_000));
    assert_eq!(found(&text), [(Kind::StripeKey, token.as_str())]);
}

#[test]
fn each_card_of_a_list_is_found() {
    let mut random = Random(4);
    let cards = std::iter::repeat_with(|| sample(Kind::PaymentCard, &mut random).value);
    let cards: Vec<String> = cards.map(|card| card.replace(' ', "")).take(4).collect();
    let text = cards.join(",\n");
    let expected: Vec<(Kind, &str)> = cards
        .iter()
        .map(|card| (Kind::PaymentCard, card.as_str()))
        .collect();
    assert_eq!(found(&text), expected);
}
