//! `tenon prompt`: the templates, and what they make of values.

use std::collections::BTreeMap;

use serde_json::json;
use tenon_config::{Overrides, Settings};
use tenon_template::{Fragment, Inputs, MessageRole, Template, TemplateOrigin, VariableKind};

use crate::arguments::PromptCommand;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// `tenon prompt …`.
pub async fn run(command: PromptCommand) -> Result<Exit, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    let output = Output::new(false, settings.no_color);
    match command {
        PromptCommand::List(arguments) => list(&settings, output, arguments.json)?,
        PromptCommand::Show { name } => {
            let library = composition::templates(&settings)?;
            let template = library.get(&name).map_err(usage)?;
            output.say(&heading(template));
            output.result(template.text());
        }
        PromptCommand::Render { name, values, budget } => {
            render(&settings, output, &name, &values, budget).await?
        }
    }
    Ok(Exit::Success)
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, error.to_string())
}

fn heading(template: &Template) -> String {
    let reference = template.reference();
    let origin = match template.origin() {
        TemplateOrigin::Builtin => "built in".to_owned(),
        TemplateOrigin::User(path) => path.display().to_string(),
    };
    format!(
        "{} · version {} · {} · {origin}",
        reference.name, reference.version, reference.digest
    )
}

fn list(settings: &Settings, output: Output, json: bool) -> Result<(), Failure> {
    let library = composition::templates(settings)?;
    if json {
        let templates: Vec<_> = library
            .templates()
            .map(|(_, template)| {
                let shadows = library
                    .shadowed()
                    .iter()
                    .find(|shadowed| shadowed.name == template.reference().name);
                json!({
                    "reference": template.reference(),
                    "description": template.description(),
                    "file": match template.origin() {
                        TemplateOrigin::Builtin => None,
                        TemplateOrigin::User(path) => Some(path),
                    },
                    "budget_tokens": template.budget_tokens(),
                    "in_place_of": shadows.map(|shadowed| shadowed.builtin),
                })
            })
            .collect();
        output.json(&json!({ "templates": templates, "folder": settings.prompts_folder }));
        return Ok(());
    }
    let width = library.templates().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, template) in library.templates() {
        let reference = template.reference();
        let origin = match template.origin() {
            TemplateOrigin::Builtin => String::new(),
            TemplateOrigin::User(path) => format!("  [{}]", path.display()),
        };
        text.push_str(&format!(
            "{name:width$}  {:<4} {}  {}{origin}\n",
            reference.version,
            reference.digest.short(),
            template.description()
        ));
    }
    output.result(&text);
    for shadowed in library.shadowed() {
        output.say(&format!(
            "`{}`: {} takes the place of the built-in template {}",
            shadowed.name,
            shadowed.by.display(),
            shadowed.builtin.short()
        ));
    }
    output.say(&format!(
        "your own templates go to {}",
        settings.prompts_folder.display()
    ));
    Ok(())
}

async fn render(
    settings: &Settings,
    output: Output,
    name: &str,
    values: &[String],
    budget: Option<u32>,
) -> Result<(), Failure> {
    let library = composition::templates(settings)?;
    let template = library.get(name).map_err(usage)?;
    let mut inputs = Inputs::default();
    let mut texts: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for value in values {
        let (variable, source, text) = assignment(value)?;
        match template.variables().get(&variable).map(|rule| rule.kind) {
            Some(VariableKind::Fragments) => texts.entry(variable).or_default().push((source, text)),
            _ => drop(inputs.values.insert(variable, text)),
        }
    }
    let counted = count(settings, &texts).await;
    if counted.is_none() && !texts.is_empty() {
        output.say("no model is here to count tokens; they are estimated");
    }
    let mut counts = counted.unwrap_or_default().into_iter();
    for (variable, sources) in texts {
        let fragments = sources.into_iter().map(|(source, text)| Fragment {
            source,
            tokens: counts
                .next()
                .unwrap_or_else(|| u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX)),
            priority: Fragment::REQUIRED,
            text,
        });
        inputs.fragments.insert(variable, fragments.collect());
    }
    let budget = budget.unwrap_or_else(|| template.budget_tokens());
    let prompt = template.render(&inputs, budget).map_err(usage)?;
    let mut text = String::new();
    for message in &prompt.messages {
        let role = match message.role {
            MessageRole::System => "system",
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
        };
        text.push_str(&format!("--- {role} ---\n{}\n", message.content));
    }
    if !prompt.prefill.is_empty() {
        text.push_str(&format!("--- answer begins ---\n{}", prompt.prefill));
    }
    output.result(&text);
    output.say(&heading(template));
    output.say(&format!(
        "about {} of {budget} tokens · prompt {}",
        prompt.tokens_estimate,
        prompt.digest.short()
    ));
    for left in &prompt.left_out {
        output.say(&format!("left out: {} ({} tokens)", left.source, left.tokens));
    }
    Ok(())
}

/// `NAME=VALUE` or `NAME=@FILE`: the name, where the text comes from, and the text.
fn assignment(text: &str) -> Result<(String, String, String), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| usage(format!("`{text}` is not NAME=VALUE or NAME=@FILE")))?;
    match value.strip_prefix('@') {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| usage(format!("cannot read `{file}`: {error}")))?;
            Ok((name.to_owned(), file.to_owned(), text))
        }
        None => Ok((name.to_owned(), "command line".to_owned(), value.to_owned())),
    }
}

/// The tokens of each text, by the first configured model's own tokenizer, if that model is here.
async fn count(settings: &Settings, texts: &BTreeMap<String, Vec<(String, String)>>) -> Option<Vec<u32>> {
    let texts: Vec<String> = texts.values().flatten().map(|(_, text)| text.clone()).collect();
    if texts.is_empty() {
        return None;
    }
    let model = composition::model(settings, settings.models.first()?).ok()?;
    model.count_tokens(&texts).await.ok()
}
