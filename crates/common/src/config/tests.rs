// SPDX-License-Identifier: MPL-2.0
use super::*;

settings! {
    /// Settings of the tests.
    pub struct Sample {
        /// Seconds that a URL lives.
        pub expires_secs: u64 = "EXPIRES_IN" ["DOWLOAD_EXPIRES_IN"], default "60";
        /// Where the data is.
        pub url: String = "DATABASE_URL", default "sqlite://$DATA_DIR/sample.db";
        /// Key of the store.
        pub key: Option<String> = "STORE_KEY", secret true;
    }
}

settings! {
    /// Switches, and a setting that has to be there.
    pub struct Switches {
        /// On unless switched off.
        pub on: bool = "SWITCH_ON", default "true";
        /// Unset unless set.
        pub perhaps: Option<bool> = "SWITCH_PERHAPS";
        /// Name of the environment.
        pub env: String = "ENV";
    }
}

#[test]
fn switches_are_read_as_the_predecessors_read_them() {
    let read = |text: &str, is_django: bool| {
        let pairs = [("SWITCH_ON", text), ("SWITCH_PERHAPS", text), ("ENV", "x")];
        let source = Source::from_pairs(pairs);
        let source = if is_django {
            source.with_django_names()
        } else {
            source
        };
        let switches = Switches::load(&source).map_err(|error| error.to_string())?;
        assert_eq!(switches.env, "x");
        if !text.is_empty() {
            assert_eq!(switches.perhaps, Some(switches.on));
        }
        Ok((switches.on, source.doubts().len()))
    };
    for text in ["1", "true", "TRUE", " true "] {
        assert_eq!(read(text, false), Ok((true, 0)), "{text}");
        assert_eq!(read(text, true), Ok((true, 0)), "{text}");
    }
    for text in ["0", "false", "No", "off", "n", ""] {
        assert_eq!(read(text, false), Ok((false, 0)), "{text}");
        assert_eq!(read(text, true), Ok((false, 0)), "{text}");
    }
    for text in ["yes", "y", "on"] {
        assert_eq!(read(text, false), Ok((false, 2)), "{text}");
        assert_eq!(read(text, true), Ok((true, 0)), "{text}");
    }
    assert_eq!(read("maybe", false), Ok((false, 2)));
    let refusal = "SWITCH_ON: must be true or false, not \"maybe\"".to_owned();
    assert_eq!(read("maybe", true), Err(refusal));
}

#[test]
fn a_switch_that_looks_like_a_mistake_is_shown_as_it_counts() {
    let source = Source::from_pairs([("SWITCH_ON", "yes"), ("ENV", "x")]);
    Switches::load(&source).unwrap();
    let shown = source.effective().into_iter();
    let shown: Vec<_> = shown.map(|e| (e.name, e.shown)).collect();
    assert!(shown.contains(&("SWITCH_ON", "false".to_owned())));
    let doubt = "SWITCH_ON counts as false: only 1 and true are true, not \"yes\"";
    assert_eq!(source.doubts(), [doubt]);
}

#[test]
fn a_missing_setting_is_named_in_the_words_of_the_predecessors() {
    let error = Switches::load(&Source::from_pairs::<&str, &str>([])).unwrap_err();
    assert_eq!(error.to_string(), "ENV environment variable is required");
    let error = Invalid::missing("STORE_KEY", "with STORE");
    assert_eq!(
        error.to_string(),
        "STORE_KEY environment variable is required with STORE"
    );
}

fn load(source: &Source) -> Result<Sample, Invalid> {
    let sample = Sample::load(source)?;
    source.finish()?;
    Ok(sample)
}

#[test]
fn defaults_hold_when_nothing_is_set() {
    let source = Source::from_pairs([("DATA_DIR", "/srv/x/")]);
    let sample = load(&source).unwrap();
    assert_eq!(sample.expires_secs, 60);
    assert_eq!(sample.url, "sqlite:///srv/x/sample.db");
    assert_eq!(sample.key, None);
}

#[test]
fn environment_wins_over_the_file_and_the_file_over_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.toml");
    std::fs::write(&path, "expires_in = 10\ndatabase_url = 'sqlite://f.db'\n").unwrap();
    let source = Source::from_pairs([("EXPIRES_IN", "20")])
        .with_file(&path)
        .unwrap();
    let sample = load(&source).unwrap();
    assert_eq!(
        (sample.expires_secs, sample.url.as_str()),
        (20, "sqlite://f.db")
    );
}

#[test]
fn an_unknown_key_of_the_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.toml");
    std::fs::write(&path, "expires = 10\n").unwrap();
    let source = Source::from_pairs::<&str, &str>([])
        .with_file(&path)
        .unwrap();
    assert_eq!(
        load(&source).unwrap_err().to_string(),
        "expires: is not a setting of this service"
    );
}

#[test]
fn two_names_with_different_values_are_refused() {
    let source = Source::from_pairs([("EXPIRES_IN", "20"), ("DOWLOAD_EXPIRES_IN", "30")]);
    assert_eq!(
        load(&source).unwrap_err().to_string(),
        "EXPIRES_IN: has another value than DOWLOAD_EXPIRES_IN; set one of them"
    );
    let same = Source::from_pairs([("EXPIRES_IN", "20"), ("DJANGO_EXPIRES_IN", "20")]);
    assert_eq!(load(&same.with_django_names()).unwrap().expires_secs, 20);
}

#[test]
fn a_value_of_the_wrong_type_names_the_setting_and_the_rule() {
    let source = Source::from_pairs([("EXPIRES_IN", "soon")]);
    assert_eq!(
        load(&source).unwrap_err().to_string(),
        "EXPIRES_IN: must be a whole number from 0 to 18446744073709551615, not \"soon\""
    );
}

#[test]
fn effective_settings_show_no_secret() {
    let source = Source::from_pairs([
        ("STORE_KEY", "hush"),
        (
            "DATABASE_URL",
            "postgres://releng:hush@db/x?sslmode=require",
        ),
    ]);
    load(&source).unwrap();
    let shown: Vec<_> = source
        .effective()
        .into_iter()
        .map(|e| (e.name, e.shown, e.origin))
        .collect();
    assert_eq!(
        shown,
        [
            (
                "DATABASE_URL",
                "postgres://releng:****@db/x?sslmode=require".to_owned(),
                "environment"
            ),
            ("EXPIRES_IN", "60".to_owned(), "default"),
            ("STORE_KEY", "****".to_owned(), "environment"),
        ]
    );
}

#[test]
fn a_scoped_source_reads_only_names_of_its_service() {
    let source = Source::from_pairs([
        ("TECKEN_EXPIRES_IN", "5"),
        ("DATABASE_URL", "postgres://other"),
        ("STORE_KEY", "kept"),
    ])
    .scoped("TECKEN_", &["STORE_KEY"]);
    let sample = load(&source).unwrap();
    assert_eq!(sample.expires_secs, 5);
    assert_eq!(sample.url, "sqlite://./data/sample.db");
    assert_eq!(sample.key.as_deref(), Some("kept"));
}

#[test]
fn byte_sizes_are_1024_based() {
    assert_eq!(ByteSize::parse("64MiB"), Ok(ByteSize(64 << 20)));
    assert_eq!(ByteSize::parse("10"), Ok(ByteSize(10)));
    assert_eq!(ByteSize::parse("2 gb"), Ok(ByteSize(2 << 30)));
    assert!(ByteSize::parse("64 parsecs").is_err());
    assert!(ByteSize::parse("99999999999999999999").is_err());
}
