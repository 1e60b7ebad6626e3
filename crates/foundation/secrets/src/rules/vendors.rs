//! Tokens that their issuers marked, after the formats that the issuers document.

use super::{Find, Pattern, Rule};
use crate::kind::Kind;
use crate::plausibility::{is_drawn, is_issued, is_issued_with_checksum};

pub(super) fn rules() -> Vec<Rule> {
    let marked = MARKED
        .iter()
        .map(|(kind, anchors, pattern)| token(*kind, anchors, pattern, is_issued));
    let checked = [
        token(
            Kind::GitHubToken,
            &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
            r"gh[pousr]_(?:[A-Za-z0-9]{36,255}|[0-9]{1,12}_eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2})",
            is_issued_with_checksum,
        ),
        token(
            Kind::NpmToken,
            &["npm_"],
            r"npm_[A-Za-z0-9]{36}",
            is_issued_with_checksum,
        ),
        // Others than OpenAI write `sk-`, too, and so do style sheets.
        token(Kind::OpenAiKey, &["sk-"], r"sk-[A-Za-z0-9_-]{20,}", |key| {
            !key.starts_with("sk-ant-") && is_random_key(key)
        }),
    ];
    marked.chain(checked).collect()
}

fn is_random_key(key: &str) -> bool {
    is_issued(key) && is_drawn(key.trim_start_matches("sk-"))
}

fn token(kind: Kind, anchors: &'static [&'static str], pattern: &str, holds: fn(&str) -> bool) -> Rule {
    Rule {
        kind,
        anchors,
        find: Find::Pattern(Pattern {
            text: pattern.to_owned(),
            starts_word: true,
            holds,
        }),
    }
}

type Row = (Kind, &'static [&'static str], &'static str);

const MARKED: &[Row] = &[
    (
        Kind::AwsAccessKeyId,
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    ),
    (
        Kind::GitHubToken,
        &["github_pat_"],
        r"github_pat_[A-Za-z0-9_]{36,255}",
    ),
    (
        Kind::GitLabToken,
        &[
            "glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glimt-", "glagent-", "glsoat-",
            "gloas-", "glffct-",
        ],
        r"gl(?:pat|dt|rt|ptt|cbt|ft|imt|agent|soat|oas|ffct)-[A-Za-z0-9_=-]{20,300}(?:\.[a-z0-9]{2}\.[a-z0-9]{9})?",
    ),
    (Kind::GitLabToken, &["GR1348941"], r"GR1348941[A-Za-z0-9_-]{20}"),
    (
        Kind::SlackToken,
        &["xox"],
        r"xox(?:[abeoprs]|e\.xox[bp])-[A-Za-z0-9-]{10,}",
    ),
    (Kind::SlackToken, &["xapp-"], r"xapp-[0-9]+-[A-Za-z0-9-]{10,}"),
    (
        Kind::SlackWebhook,
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/((?:services|workflows|triggers)/[A-Za-z0-9+/]{30,})",
    ),
    (
        Kind::StripeKey,
        &[
            "sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_prod_", "rk_prod_",
        ],
        r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,255}",
    ),
    (Kind::StripeKey, &["whsec_"], r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    (Kind::GoogleKey, &["AIza"], r"AIza[A-Za-z0-9_-]{35}"),
    (Kind::GoogleKey, &["ya29."], r"ya29\.[A-Za-z0-9_-]{20,}"),
    (Kind::GoogleKey, &["GOCSPX-"], r"GOCSPX-[A-Za-z0-9_-]{28}"),
    (Kind::AnthropicKey, &["sk-ant-"], r"sk-ant-[A-Za-z0-9_-]{20,}"),
    (Kind::HuggingFaceToken, &["hf_"], r"hf_[A-Za-z0-9]{30,}"),
    (Kind::HuggingFaceToken, &["api_org_"], r"api_org_[A-Za-z0-9]{30,}"),
    (Kind::PypiToken, &["pypi-"], r"pypi-[A-Za-z0-9_-]{50,}"),
    (
        Kind::SendGridKey,
        &["SG."],
        r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
    ),
    (Kind::TwilioKey, &["SK"], r"SK[0-9a-f]{32}"),
    (
        Kind::TenonKey,
        &["tenon_"],
        r"tenon_[A-Za-z0-9]{12}_[A-Za-z0-9_-]{43}",
    ),
    (
        Kind::AzureKey,
        &["AccountKey="],
        r"AccountKey=([A-Za-z0-9+/]{86}==)",
    ),
    (
        Kind::AzureKey,
        &["SharedAccessKey="],
        r"SharedAccessKey=([A-Za-z0-9+/]{43}=)",
    ),
    (
        Kind::AzureKey,
        &["sig="],
        r"sig=([A-Za-z0-9+/]{10}[A-Za-z0-9%+/]{33,}={0,2})",
    ),
    (
        Kind::DigitalOceanToken,
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"do[opr]_v1_[a-f0-9]{64}",
    ),
    (
        Kind::DiscordWebhook,
        &["discord.com/", "discordapp.com/"],
        r"discord(?:app)?\.com/api/webhooks/([0-9]{17,20}/[A-Za-z0-9_-]{60,})",
    ),
    (Kind::DatabricksToken, &["dapi"], r"dapi[a-f0-9]{32}(?:-[0-9])?"),
    (
        Kind::ShopifyToken,
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    ),
    (
        Kind::CloudflareKey,
        &["v1.0-"],
        r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}",
    ),
    (
        Kind::CloudflareKey,
        &["cfk_", "cfut_", "cfat_"],
        r"cf(?:k|ut|at)_[A-Za-z0-9]{40,}",
    ),
    (Kind::MailgunKey, &["key-"], r"key-[0-9a-f]{32}"),
    (
        Kind::AtlassianToken,
        &["ATATT3", "ATCTT3"],
        r"AT[AC]TT3[A-Za-z0-9_=-]{60,}",
    ),
    (Kind::AtlassianToken, &["ATBB"], r"ATBB[A-Za-z0-9]{32}"),
    (
        Kind::ServiceToken,
        &["dckr_pat_", "dckr_oat_"],
        r"dckr_[po]at_[A-Za-z0-9_-]{27,}",
    ),
    (Kind::ServiceToken, &["rubygems_"], r"rubygems_[a-f0-9]{48}"),
    (
        Kind::ServiceToken,
        &["glsa_", "glc_"],
        r"gl(?:sa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|c_[A-Za-z0-9+/]{32,}={0,2})",
    ),
    (Kind::ServiceToken, &["lin_api_"], r"lin_api_[A-Za-z0-9]{40}"),
    (Kind::ServiceToken, &["ntn_"], r"ntn_[A-Za-z0-9]{40,}"),
    (Kind::ServiceToken, &["figd_"], r"figd_[A-Za-z0-9_-]{38,}"),
    (Kind::ServiceToken, &["PMAK-"], r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    (
        Kind::ServiceToken,
        &["sntrys_", "sntryu_"],
        r"sntry[su]_[A-Za-z0-9+/=_-]{40,}",
    ),
    (
        Kind::ServiceToken,
        &["hvs.", "hvb."],
        r"hv[sb]\.[A-Za-z0-9_-]{24,}",
    ),
    (Kind::ServiceToken, &["xai-"], r"xai-[A-Za-z0-9]{70,}"),
    (Kind::ServiceToken, &["gsk_"], r"gsk_[A-Za-z0-9]{48,}"),
    (Kind::ServiceToken, &["r8_"], r"r8_[A-Za-z0-9]{37}"),
    (Kind::ServiceToken, &["nvapi-"], r"nvapi-[A-Za-z0-9_-]{60,}"),
    (Kind::ServiceToken, &["pplx-"], r"pplx-[A-Za-z0-9]{40,}"),
    (Kind::ServiceToken, &["pul-"], r"pul-[a-f0-9]{40}"),
    (
        Kind::ServiceToken,
        &["dp.pt.", "dp.st."],
        r"dp\.(?:pt|st)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
    ),
    (
        Kind::ServiceToken,
        &["AGE-SECRET-KEY-1"],
        r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    ),
];
