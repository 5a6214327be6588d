// SPDX-License-Identifier: MPL-2.0
//! Settings that cannot work are refused by their name.

use releng_common::config::Source;
use releng_tecken::Settings;
use releng_testkit::database::backends;

use crate::App;

fn load(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    Settings::load(&Source::from_pairs(pairs.iter().copied()).with_django_names())
        .map_err(|e| e.to_string())
}

#[test]
fn locations_must_be_there_and_agree() {
    let table: [(&[(&str, &str)], &str); 8] = [
        (
            &[("SYMBOL_URLS", "")],
            "SYMBOL_URLS: must name at least one location",
        ),
        (
            &[("UPLOAD_DEFAULT_URL", "")],
            "UPLOAD_DEFAULT_URL: must not be empty",
        ),
        (
            &[("DJANGO_UPLOAD_DEFAULT_URL", "file://other")],
            "UPLOAD_DEFAULT_URL: must be one of SYMBOL_URLS",
        ),
        (
            &[("SYMBOL_URLS", "ftp://x")],
            "SYMBOL_URLS: the store URL must begin with one of file://, s3://, https:// and \
             http:// (bucket URLs)",
        ),
        (
            &[("UPLOAD_URL_EXCEPTIONS", "[]")],
            "UPLOAD_URL_EXCEPTIONS: must be a dict of texts such as {'*@example.com': 'https://…'}",
        ),
        (
            &[("UPLOAD_MAX_RUNNING", "0")],
            "UPLOAD_MAX_RUNNING: must be at least 1",
        ),
        (
            &[("OIDC_RP_CLIENT_ID", "demo")],
            "OIDC_RP_CLIENT_SECRET: must be set together with OIDC_RP_CLIENT_ID",
        ),
        (
            &[("OIDC_RP_SIGN_ALGO", "none")],
            "OIDC_RP_SIGN_ALGO: must be HS256 or RS256",
        ),
    ];
    for (pairs, text) in table {
        assert_eq!(load(pairs).unwrap_err(), text, "{pairs:?}");
    }
}

#[test]
fn the_folder_for_archives_is_one_below_the_data() {
    for value in ["", ".", "..", "/var/tmp", "a/b", "../raw-uploads", "a/"] {
        assert_eq!(
            load(&[("DJANGO_UPLOAD_TEMPDIR_PREFIX", value)]).unwrap_err(),
            format!(
                "UPLOAD_TEMPDIR_PREFIX: must be the name of a folder below DATA_DIR, not {value:?}"
            )
        );
    }
    for value in ["raw-uploads", "raw.", "...", "tmp raw"] {
        assert!(load(&[("UPLOAD_TEMPDIR_PREFIX", value)]).is_ok(), "{value}");
    }
}

#[test]
fn the_try_location_is_right_after_the_bucket() {
    let url = "https://s3-us-west-2.amazonaws.com/demo-bucket/version0";
    let settings = load(&[("DJANGO_SYMBOL_URLS", url), ("UPLOAD_DEFAULT_URL", url)]).unwrap();
    let places = &settings.places;
    assert_eq!(places.try_place.location.name(), "demo-bucket");
    assert_eq!(places.try_place.location.prefix(), "try/version0/");
    assert_eq!(places.default.location.prefix(), "version0/");
}

#[actix_web::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let mut schemas = Vec::new();
    for backend in backends() {
        let app = App::start(backend).await;
        schemas.push(releng_db::schema(app.0.database.url()).unwrap());
    }
    assert_eq!(
        schemas[0].keys().collect::<Vec<_>>(),
        [
            "auth_group",
            "auth_group_permissions",
            "auth_permission",
            "auth_user",
            "auth_user_groups",
            "django_session",
            "download_microsoftdownload",
            "download_missingsymbol",
            "tokens_token",
            "tokens_token_permissions",
            "upload_fileupload",
            "upload_upload",
            "upload_uploadscreated",
        ]
    );
    assert!(
        schemas.windows(2).all(|pair| pair[0] == pair[1]),
        "{schemas:#?}"
    );
}
