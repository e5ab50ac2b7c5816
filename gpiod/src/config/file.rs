//! The configuration file as it is written: shapes for serde, nothing checked but types and keys.

use super::limits::Given;
use super::problem::Problem;
use super::{AtStart, OnRelease};
use crate::line::{Bias, Drive, OnExit};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) run_dir: Option<Spanned<PathBuf>>,
    pub(super) resume_within: Option<Spanned<String>>,
    pub(super) backend: Option<Spanned<Backend>>,
    #[serde(default)]
    pub(super) limits: Given,
    pub(super) kubernetes: Option<Kubernetes>,
    #[serde(default)]
    pub(super) group: Vec<Spanned<Group>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backend {
    #[serde(default)]
    pub(super) kind: BackendKind,
    pub(super) board: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) own_thread: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kubernetes {
    pub(super) resource_domain: Option<Spanned<String>>,
    pub(super) kubelet_dir: Option<Spanned<PathBuf>>,
    pub(super) watchers: Option<Spanned<u32>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BackendKind {
    #[default]
    Auto,
    Gpiomem,
    Cdev,
    Sim,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    pub(super) socket_mode: Option<Spanned<u32>>,
    pub(super) socket_gid: Option<Spanned<u32>>,
    pub(super) on_release: Option<OnRelease>,
    pub(super) grace: Option<Spanned<String>>,
    pub(super) operations: Option<Vec<Spanned<String>>>,
    pub(super) allow_uids: Option<Spanned<Vec<u32>>>,
    pub(super) allow_gids: Option<Spanned<Vec<u32>>>,
    pub(super) allow_namespaces: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    pub(super) lines: BTreeMap<String, Spanned<Line>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) line: String,
    pub(super) direction: Direction,
    pub(super) bias: Option<Bias>,
    pub(super) drive: Option<Drive>,
    #[serde(default)]
    pub(super) active_low: bool,
    pub(super) debounce: Option<String>,
    pub(super) at_start: Option<AtStart>,
    pub(super) on_release: Option<OnRelease>,
    pub(super) on_daemon_exit: Option<OnExit>,
    pub(super) one_shot: Option<bool>,
    pub(super) operations: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) take_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Input,
    Output,
    Both,
}

impl File {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        toml::from_str(text).map_err(|error| {
            let span = error.span();
            // What serde points at is the key, where it is the key that is wrong.
            let named = |at: std::ops::Range<usize>| {
                text.get(at).filter(|_| error.message().starts_with("unknown field"))
            };
            Problem {
                line: span.clone().map_or(0, |span| line_of(text, span.start)),
                key: span.and_then(named).unwrap_or_default().to_owned(),
                reason: error.message().to_owned(),
            }
        })
    }
}

/// The line, from 1, of a byte of the text.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}
