// SPDX-License-Identifier: MPL-2.0
//! `kill -9` at any moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::site::{Site, digest, unstamped};

/// How often a run is killed; more by the variable, as `SYNC_KILLS=5000`.
const KILLS: u32 = 200;
const PACKAGES: u8 = 1;

#[expect(
    clippy::disallowed_methods,
    reason = "a test run is no service, and this is no setting of one"
)]
fn kills() -> u32 {
    std::env::var("SYNC_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

/// The files of a package: one of its own, and one that all have.
fn files(round: u32, n: u8) -> Vec<(String, Vec<u8>)> {
    let own = format!("round {round} package {n}")
        .repeat(5_000)
        .into_bytes();
    vec![
        ("own".to_owned(), own),
        ("shared".to_owned(), vec![9; 50_000]),
    ]
}

fn drop_packages(site: &Site, round: u32) {
    for n in 0..PACKAGES {
        let files = files(round, n);
        let files: Vec<_> = files
            .iter()
            .map(|(name, b)| (name.as_str(), b.as_slice()))
            .collect();
        site.drop_package("alice/pub", &format!("r{round}p{n}"), &files, Some("note"));
    }
    if has_bad(round) {
        site.write(&format!("uploads/alice/pub/r{round}bad.tt"), "[");
    }
}

/// Some rounds have a package that is refused.
fn has_bad(round: u32) -> bool {
    round.is_multiple_of(10)
}

/// Nothing that can be seen may ever be wrong: each published file is the one of its name. Those
/// that were looked at before are skipped, unless packages bring them again and again.
fn all_is_well(site: &Site, known: &mut BTreeSet<String>) {
    for name in site.names("pub") {
        if !name.starts_with("temp") && !known.contains(&name) {
            assert_eq!(digest(fs::read(site.at("pub").join(&name)).unwrap()), name);
            known.insert(name);
        }
    }
    known.remove(&digest(&files(0, 0)[1].1));
}

#[test]
fn whenever_it_is_killed_the_next_run_completes_the_work() {
    let site = Site::new();
    let mut random = StdRng::seed_from_u64(20_261_127);
    // How long a run takes here decides when to kill.
    drop_packages(&site, 0);
    let started = Instant::now();
    site.run();
    let whole = started.elapsed();
    let kills = kills();
    let mut known = BTreeSet::new();
    for round in 1..=kills {
        drop_packages(&site, round);
        let delay = whole.mul_f64(random.random_range(0.0..1.0));
        let mut child = site.start(&["--state-dir", "state"]);
        let started = Instant::now();
        while started.elapsed() < delay && child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_micros(50));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        all_is_well(&site, &mut known);
    }
    site.run();
    complete(&site, kills);
    // Runs were killed before and after the point from which a package is published to its end.
    for line in [": starting again", ": going on"] {
        let count = site.log().matches(line).count();
        assert!(kills < KILLS || count > 0, "never {line}");
    }
}

/// Everything that was dropped is published, kept, marked and reported; nothing is left over.
fn complete(site: &Site, rounds: u32) {
    let mut digests = BTreeSet::new();
    let mut manifests = BTreeSet::new();
    for round in 0..=rounds {
        for n in 0..PACKAGES {
            digests.extend(files(round, n).into_iter().map(|(_, bytes)| digest(bytes)));
            manifests.insert(format!("r{round}p{n}.tt"));
        }
    }
    all_is_well(site, &mut BTreeSet::new());
    assert!(
        site.names("pub").into_iter().eq(digests.clone()),
        "{:?}",
        site.names("pub")
    );
    let left: BTreeSet<_> = site
        .names("uploads/alice/pub")
        .iter()
        .map(|n| unstamped(n))
        .collect();
    let mut expected: BTreeSet<_> = manifests.iter().map(|name| format!("T.{name}")).collect();
    expected.extend(
        manifests
            .iter()
            .map(|name| format!("T.{}xt", &name[..name.len() - 1])),
    );
    expected.extend(
        (0..=rounds)
            .filter(|round| has_bad(*round))
            .map(|round| format!("r{round}bad.tt")),
    );
    assert_eq!(left, expected);
    lines(site, &digests, &manifests);
    mails(site, &manifests, rounds);
    for shelf in ["journal", "mail", "undeliverable", "staging"] {
        let names = site.names(&format!("state/tooltool-sync.d/{shelf}"));
        assert!(names.is_empty(), "{shelf}: {names:?}");
    }
    let sides = site
        .names("state")
        .into_iter()
        .filter(|name| name.starts_with('.'));
    assert_eq!(sides.count(), 0);
}

/// Each package is remembered once for each of its files.
fn lines(site: &Site, digests: &BTreeSet<String>, manifests: &BTreeSet<String>) {
    let mut all = BTreeMap::<String, u32>::new();
    for digest in digests {
        for line in site.text(&format!("state/{digest}.MANIFESTS")).lines() {
            *all.entry(unstamped(line)).or_default() += 1;
        }
    }
    let expected = manifests
        .iter()
        .map(|name| (format!("alice.pub.T.{name}"), 2));
    assert_eq!(all, expected.collect());
}

/// Each mail has come; one that came twice is known by its identity.
fn mails(site: &Site, manifests: &BTreeSet<String>, rounds: u32) {
    let mut ids = BTreeMap::<(String, String), BTreeSet<String>>::new();
    for mail in site.mail.take() {
        let key = (mail.recipient.clone(), mail.subject().to_owned());
        ids.entry(key)
            .or_default()
            .insert(mail.header("Message-ID").to_owned());
    }
    let several: Vec<_> = ids.iter().filter(|(_, ids)| ids.len() != 1).collect();
    assert!(several.is_empty(), "{several:?}");
    let completed = ids
        .keys()
        .filter(|(_, subject)| subject.contains(" COMPLETED! "));
    assert_eq!(completed.count(), manifests.len() * 2);
    let others: BTreeSet<_> = ids
        .into_keys()
        .map(|(_, subject)| subject)
        .filter(|subject| !subject.contains(" COMPLETED! "))
        .collect();
    let bad = (0..=rounds).filter(|round| has_bad(*round));
    let subject = "TOOLTOOL UPLOAD FAILURE! - the tooltool sync script could not process manifest";
    let expected = bad.map(|round| format!("{subject} r{round}bad.tt"));
    assert_eq!(others, expected.collect());
}
