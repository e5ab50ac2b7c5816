use super::*;
use crate::token::Token;
use crate::watch::Heard;

fn session(name: &str) -> SavedSession {
    SavedSession {
        group: Some("traffic-light".to_owned()),
        token: Token::from_bytes(&[7; 16]).unwrap(),
        name: name.to_owned(),
        uid: 65532,
        gid: 65532,
        pid: 0,
        since_ns: 1,
        lines: vec![SavedLine { name: "red".to_owned(), held_as: HeldAs::Output, place: None }],
    }
}

/// What is written: each session in a section of its own, the last of which is empty.
fn bytes_of(saved: &Saved) -> Vec<u8> {
    let mut sections: Vec<Sessions> = Vec::new();
    for session in &saved.sessions {
        sections.push(Sessions::default());
        sections.last_mut().unwrap().push(session);
    }
    sections.push(Sessions::default());
    let mut bytes = b"what was written before".to_vec();
    format::write(&mut bytes, (&saved.boot, saved.starts), sections.iter(), &saved.lives);
    bytes
}

fn saved() -> Saved {
    let lines = [("traffic-light/red".to_owned(), Heard { seqno: 3, since_ns: Some(4) })].into();
    let lives = vec![PreviousLife { epoch: u64::MAX, stopped_ns: 5, lines }];
    Saved { boot: "b".to_owned(), starts: 3, sessions: vec![session("one"), session("two")], lives }
}

#[test]
fn what_is_read_is_what_was_written_and_no_damaged_byte_of_it_passes() {
    let bytes = bytes_of(&saved());
    assert_eq!(parse(&bytes), Ok(saved()));
    for end in 0..bytes.len() {
        assert!(parse(&bytes[..end]).is_err(), "cut off after {end} bytes");
    }
    // All but the version's digit are covered by the sum or must be as they are; another version is another matter.
    let version = "gpiod-state ".len();
    for (at, bit) in
        (0..bytes.len()).filter(|at| *at != version).flat_map(|at| (0..8).map(move |bit| (at, bit)))
    {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        assert!(parse(&flipped).is_err(), "bit {bit} of byte {at}");
    }
}

#[test]
fn the_first_version_is_read_for_ever_and_the_next_one_too() {
    let first = include_bytes!("first-version");
    let read = parse(first).unwrap();
    assert_eq!(read.sessions, saved().sessions);
    let body = br#"{"boot":"b","new":{"x":[1]},"sessions":[]}"#;
    let next = |version: u32| {
        let head = format!("gpiod-state {version} {:08x} {}\n", crc32fast::hash(body), body.len());
        parse(&[head.as_bytes(), body].concat())
    };
    assert_eq!(next(2), Ok(Saved { boot: "b".to_owned(), ..Saved::default() }));
    assert_eq!(next(9).unwrap_err().to_string(), "it is of version 9, this gpiod reads 1 to 2");
    assert_eq!(next(0), Err(Unusable::Version(0)));
}

#[test]
fn the_place_of_a_line_is_read_back_and_of_no_consequence_to_whoever_does_not_know_it() {
    let place = Some("pinctrl-bcm2835:9".to_owned());
    let line = SavedLine { name: "red".to_owned(), held_as: HeldAs::Output, place };
    let saved = Saved { sessions: vec![SavedSession { lines: vec![line], ..session("one") }], ..saved() };
    let bytes = bytes_of(&saved);
    assert_eq!(parse(&bytes), Ok(saved));
    assert!(bytes.starts_with(b"gpiod-state 1 "), "the daemon before this one reads it, too");
}

#[test]
fn the_next_daemon_finds_what_the_last_one_wrote_of_all_its_parts() {
    let dir = tempfile::tempdir().unwrap();
    let (file, previous) = StateFile::open(dir.path());
    assert_eq!(previous, Previous::None);
    let (mut one, mut two) = (file.section(), file.section());
    one.write(|it| it.push(&session("one")));
    assert!(!dir.path().join(NAME).exists(), "half of it would let the other half go");
    two.write(|it| it.push(&session("two")));
    let sessions = |previous| match previous {
        Previous::Known(saved) => (saved.lives, saved.sessions),
        other @ (Previous::None | Previous::Unknown) => panic!("{other:?}"),
    };
    let (_, previous) = StateFile::open(dir.path());
    assert_eq!(sessions(previous), (vec![], vec![session("one"), session("two")]));
    let life = saved().lives.remove(0);
    two.write_last(|_| {}, life.clone());
    let (_, previous) = StateFile::open(dir.path());
    assert_eq!(sessions(previous), (vec![life], vec![session("one")]));
}

#[test]
fn a_part_that_is_still_noting_what_it_holds_keeps_no_other_from_writing() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = StateFile::open(dir.path());
    let (mut one, mut two) = (file.section(), file.section());
    one.write(|_| {});
    one.write(|it| {
        two.write(|it| it.push(&session("two")));
        assert!(dir.path().join(NAME).exists(), "the other part's change is written");
        it.push(&session("one"));
    });
    let (_, previous) = StateFile::open(dir.path());
    let Previous::Known(saved) = previous else { panic!("{previous:?}") };
    assert_eq!(saved.sessions, [session("one"), session("two")]);
}

#[test]
fn what_can_not_be_written_leaves_nothing_older_to_be_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = StateFile::open(dir.path());
    let mut section = file.section();
    section.write(|it| it.push(&session("one")));
    // Where the new one is to grow there is something else, as on a disk that is full.
    std::fs::create_dir(dir.path().join(NURSERY)).unwrap();
    section.write(|_| {});
    assert!(!dir.path().join(NAME).exists());
    std::fs::remove_dir(dir.path().join(NURSERY)).unwrap();
    section.write(|it| it.push(&session("two")));
    assert!(dir.path().join(NAME).exists());
}

#[test]
fn a_file_that_can_not_be_used_is_set_aside_and_one_of_before_the_boot_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(NAME), "what is this?").unwrap();
    assert_eq!(StateFile::open(dir.path()).1, Previous::Unknown);
    assert_eq!(std::fs::read(dir.path().join(SET_ASIDE)).unwrap(), b"what is this?");
    assert!(!dir.path().join(NAME).exists());
    std::fs::write(dir.path().join(NAME), bytes_of(&saved())).unwrap();
    assert_eq!(StateFile::open(dir.path()).1, Previous::None);
}

#[test]
fn what_is_no_file_of_ours_is_set_aside_and_keeps_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let pipe = || nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let link = || std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let makes: [&dyn Fn(); 2] = [&pipe, &link];
    for make in makes {
        make();
        assert_eq!(StateFile::open(dir.path()).1, Previous::Unknown);
        assert!(!path.exists());
    }
}
