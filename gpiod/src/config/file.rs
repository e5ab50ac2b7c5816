//! The configuration file as it is written: nothing checked but types and keys.

use super::limits::Given;
use super::problem::Problem;
use super::{AtStart, OnRelease};
use crate::line::{Bias, Drive, OnExit};
use crate::sorted::SortedMap;
use crate::tables::{self, table, words};
use serde::Deserialize;
use std::path::PathBuf;
use toml::Spanned;

table! {
    #[derive(Debug)]
    pub(super) struct File {
        pub(super) run_dir: Option<Spanned<PathBuf>>,
        pub(super) resume_within: Option<Spanned<String>>,
        pub(super) backend: Option<Spanned<Backend>>,
        pub(super) limits: Option<Given>,
        pub(super) kubernetes: Option<Kubernetes>,
        pub(super) group: Vec<Spanned<Group>>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct Backend {
        pub(super) kind: BackendKind,
        pub(super) board: Option<Spanned<PathBuf>>,
        pub(super) own_thread: Vec<String>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct Kubernetes {
        pub(super) resource_domain: Option<Spanned<String>>,
        pub(super) kubelet_dir: Option<Spanned<PathBuf>>,
        pub(super) watchers: Option<Spanned<u32>>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BackendKind {
    Auto,
    Gpiomem,
    Cdev,
    Sim,
}

table! {
    #[derive(Debug)]
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
        pub(super) lines: SortedMap<String, Spanned<Line>>,
    }
}

table! {
    #[derive(Debug)]
    pub(super) struct Line {
        pub(super) line: String,
        pub(super) direction: Direction,
        pub(super) bias: Option<Bias>,
        pub(super) drive: Option<Drive>,
        pub(super) active_low: bool,
        pub(super) debounce: Option<String>,
        pub(super) at_start: Option<AtStart>,
        pub(super) on_release: Option<OnRelease>,
        pub(super) on_daemon_exit: Option<OnExit>,
        pub(super) one_shot: Option<bool>,
        pub(super) operations: Option<Vec<Spanned<String>>>,
        pub(super) take_over: bool,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Input,
    Output,
    Both,
}

words!(BackendKind = BackendKind::Auto, Direction, Bias, Drive, OnExit, AtStart, OnRelease);

impl File {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        tables::read(text, Self::KEYS, Self::of).map_err(|mistake| {
            let line = mistake.at.as_ref().map_or(0, |at| line_of(text, at.start));
            // What is pointed at is the key, where it is the key that is wrong.
            let key = mistake.at.and_then(|at| text.get(at)).filter(|_| mistake.is_key);
            Problem { line, key: key.unwrap_or_default().to_owned(), reason: mistake.reason }
        })
    }
}

/// The line, from 1, of a byte of the text.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}
