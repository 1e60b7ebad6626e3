use std::io::Read;
use tenon_check::*;
use tenon_syntax::*;
fn main() {
    let mode = std::env::args().nth(1).unwrap();
    if mode == "names" {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).unwrap();
        let (mut files, mut silent) = (0, 0);
        for path in input.lines() {
            let Ok(text) = std::fs::read_to_string(path) else {
                continue;
            };
            let Some(language) = Language::of_extension(path.rsplit('.').next().unwrap()) else {
                continue;
            };
            let Ok(file) = SourceFile::parse(language, text) else {
                continue;
            };
            match undefined_names(&file) {
                None => {
                    silent += 1;
                    if std::env::args().nth(2).is_some() {
                        println!("SILENT {path} {}", file.tree().root_node().has_error());
                    }
                }
                Some(list) => {
                    files += 1;
                    for u in list {
                        println!(
                            "{path}:{}:{}: {} {:?} {}",
                            u.line, u.column, u.name, u.nearest, u.evaluated
                        );
                    }
                }
            }
        }
        eprintln!("judged {files}, silent {silent}");
    } else if mode == "project" {
        let root = std::path::PathBuf::from(std::env::args().nth(2).unwrap());
        let project = Project::discover(&root);
        let mut n = 0;
        for path in project.files.paths() {
            let Ok(p) = tenon_domain::RepoPath::parse(path) else {
                continue;
            };
            if Language::of_path(&p).is_none() {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(root.join(path)) else {
                continue;
            };
            let change = tenon_domain::ChangeSet {
                files: vec![tenon_domain::FileChange {
                    path: p,
                    renamed_from: None,
                    before: None,
                    after: Some(text),
                }],
            };
            n += 1;
            for r in static_reports(&project, &change, TestEdits::Forbidden) {
                for f in r.findings {
                    if f.severity == tenon_domain::Severity::Error {
                        println!(
                            "{path}:{} {} {} {:?}",
                            f.line.unwrap_or(0),
                            f.rule,
                            f.message,
                            f.help
                        );
                    }
                }
            }
        }
        eprintln!("{n} files");
    } else {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).unwrap();
        for line in input.lines() {
            let v: serde_json::Value = serde_json::from_str(line).unwrap();
            let entry = v["entry_point"]
                .as_str()
                .map(|e| vec![e.to_owned()])
                .unwrap_or_default();
            let language = Language::from_name(v["language"].as_str().unwrap_or("python")).unwrap();
            let examples = examples_in_text(v["prompt"].as_str().unwrap(), language, &entry);
            println!(
                "{}",
                serde_json::json!({"task_id": v["task_id"], "examples": examples})
            );
        }
    }
}
