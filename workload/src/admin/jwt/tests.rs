//! Tokens that open the service, and all those that don't.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../../tests/server/issuer.rs"]
mod issuer;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rstest::rstest;
use serde_json::{Value, json};

use self::issuer::{AUDIENCE, ISSUER, Issuer, SUBJECT, claims};
use super::jwks::{JwksError, Keys};
use super::verifier::{Denied, Verifier};
use crate::settings::{Jwks, ServiceAccount};

const NOW: u64 = 1_780_000_000;

fn account(jwks: Jwks) -> ServiceAccount {
    ServiceAccount {
        jwks,
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        subject: SUBJECT.to_owned(),
    }
}

fn verify(jwks: &str, token: &str, now: f64) -> Result<(), Denied> {
    Verifier::new(&account(Jwks::Inline(jwks.to_owned()))).unwrap().verify(token.as_bytes(), now).unwrap()
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims(NOW);
    claims[name] = value;
    claims
}

/// A token as kube-apiserver's `TokenRequest` gives it, signed with openssl by a key that was thrown away.
#[test]
fn the_token_of_a_cluster_is_valid_in_its_time() {
    let (jwks, token) =
        (include_str!("testdata/cluster-jwks.json"), include_str!("testdata/token-request.jwt").trim());
    assert_eq!(verify(jwks, token, NOW as f64), Ok(()));
    assert_eq!(verify(jwks, token, NOW as f64 - 11.0), Err(Denied::NotYetValid));
    assert_eq!(verify(jwks, token, NOW as f64 + 610.0), Err(Denied::Expired));
}

#[rstest]
#[case("ES256")]
#[case("ES384")]
fn elliptic_curves_sign_too(#[case] alg: &'static str) {
    let issuer = Issuer::new("k", alg);
    assert_eq!(verify(&issuer.jwks(), &issuer.token(&claims(NOW)), NOW as f64), Ok(()));
}

#[rstest]
#[case::audience_alone(with("aud", json!(AUDIENCE)), Ok(()))]
#[case::one_of_several(with("aud", json!(["a/b", AUDIENCE])), Ok(()))]
#[case::other_service(with("aud", json!(["shop/carts"])), Err(Denied::Audience(AUDIENCE.into())))]
#[case::no_audience(with("aud", json!([])), Err(Denied::Audience(AUDIENCE.into())))]
#[case::audience_absent(with("aud", Value::Null), Err(Denied::Audience(AUDIENCE.into())))]
#[case::longer_audience(with("aud", json!(["shop/orders2"])), Err(Denied::Audience(AUDIENCE.into())))]
#[case::other_cluster(with("iss", json!("https://elsewhere")), Err(Denied::Issuer(ISSUER.into())))]
#[case::no_issuer(with("iss", Value::Null), Err(Denied::Issuer(ISSUER.into())))]
#[case::other_account(with("sub", json!("system:serviceaccount:shop:default")), Err(Denied::Subject(SUBJECT.into())))]
#[case::no_subject(with("sub", Value::Null), Err(Denied::Subject(SUBJECT.into())))]
#[case::just_within_the_leeway(with("exp", json!(NOW - 9)), Ok(()))]
#[case::expired(with("exp", json!(NOW - 10)), Err(Denied::Expired))]
#[case::never_expires(with("exp", Value::Null), Err(Denied::NoExpiry))]
#[case::clocks_differ(with("nbf", json!(NOW + 10)), Ok(()))]
#[case::not_yet(with("nbf", json!(NOW + 11)), Err(Denied::NotYetValid))]
#[case::no_beginning(with("nbf", Value::Null), Ok(()))]
#[case::fractions(with("exp", json!(NOW as f64 + 0.5)), Ok(()))]
#[case::expiry_as_text(with("exp", json!("never")), Err(Denied::Claims))]
#[case::no_object(json!([1, 2]), Err(Denied::Claims))]
fn claims_are_checked(#[case] claims: Value, #[case] expected: Result<(), Denied>) {
    let issuer = Issuer::new("k", "ES256");
    assert_eq!(verify(&issuer.jwks(), &issuer.token(&claims), NOW as f64), expected);
}

#[rstest]
#[case::no_signature(json!({"alg": "none", "kid": "k"}), Denied::Algorithm)]
#[case::secret_instead_of_key(json!({"alg": "HS256", "kid": "k"}), Denied::Algorithm)]
#[case::other_family(json!({"alg": "PS256", "kid": "k"}), Denied::Algorithm)]
#[case::lower_case(json!({"alg": "es256", "kid": "k"}), Denied::Algorithm)]
#[case::other_algorithm_than_the_key(json!({"alg": "RS256", "kid": "k"}), Denied::UnknownKey)]
#[case::unknown_key(json!({"alg": "ES256", "kid": "other"}), Denied::UnknownKey)]
#[case::no_key(json!({"alg": "ES256"}), Denied::UnknownKey)]
#[case::critical(json!({"alg": "ES256", "kid": "k", "crit": ["b64"]}), Denied::Critical)]
#[case::no_algorithm(json!({"kid": "k"}), Denied::Form)]
fn headers_are_checked(#[case] header: Value, #[case] expected: Denied) {
    let issuer = Issuer::new("k", "ES256");
    assert_eq!(verify(&issuer.jwks(), &issuer.sign(&header, &claims(NOW)), NOW as f64), Err(expected));
}

#[test]
fn another_key_of_the_same_name_opens_nothing() {
    let (issuer, thief) = (Issuer::new("k", "ES256"), Issuer::new("k", "ES256"));
    assert_eq!(verify(&issuer.jwks(), &thief.token(&claims(NOW)), NOW as f64), Err(Denied::Signature));
}

#[test]
fn a_changed_payload_has_no_signature() {
    let issuer = Issuer::new("k", "ES256");
    let es256 = (issuer.jwks(), issuer.token(&claims(NOW)));
    let rs256 = (
        include_str!("testdata/cluster-jwks.json").to_owned(),
        include_str!("testdata/token-request.jwt").trim().to_owned(),
    );
    for (jwks, token) in [es256, rs256] {
        let parts: Vec<&str> = token.split('.').collect();
        let later = URL_SAFE_NO_PAD.encode(with("exp", json!(NOW + 6000)).to_string());
        let changed = format!("{}.{later}.{}", parts[0], parts[2]);
        assert_eq!(verify(&jwks, &token, NOW as f64), Ok(()));
        assert_eq!(verify(&jwks, &changed, NOW as f64), Err(Denied::Signature));
    }
}

#[rstest]
#[case::empty("", Denied::Form)]
#[case::no_jwt("secret", Denied::Form)]
#[case::two_parts("e30.e30", Denied::Form)]
#[case::padded("e30=.e30.e30", Denied::Form)]
#[case::no_json("AAAA.AAAA.AAAA", Denied::Form)]
fn what_is_no_jwt_is_refused(#[case] token: &str, #[case] expected: Denied) {
    assert_eq!(verify(&Issuer::new("k", "ES256").jwks(), token, NOW as f64), Err(expected));
}

#[test]
fn more_parts_and_more_bytes_are_refused() {
    let issuer = Issuer::new("k", "ES256");
    let token = issuer.token(&claims(NOW));
    assert!(verify(&issuer.jwks(), &format!("{token}.AAAA"), NOW as f64).is_err());
    let oversized = issuer.token(&with("jti", json!("x".repeat(8192))));
    assert_eq!(verify(&issuer.jwks(), &oversized, NOW as f64), Err(Denied::Oversized));
}

#[test]
fn keys_change_without_a_restart() {
    let (old, new) = (Issuer::new("old", "ES256"), Issuer::new("new", "ES256"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks");
    std::fs::write(&file, old.jwks()).unwrap();
    let verifier = Verifier::new(&account(Jwks::File(file.clone()))).unwrap();
    let verify = |issuer: &Issuer| verifier.verify(issuer.token(&claims(NOW)).as_bytes(), NOW as f64);
    assert_eq!((verify(&old).unwrap(), verify(&new).unwrap()), (Ok(()), Err(Denied::UnknownKey)));
    std::fs::write(&file, json!({ "keys": [old.jwk(), new.jwk()] }).to_string()).unwrap();
    assert_eq!((verify(&old).unwrap(), verify(&new).unwrap()), (Ok(()), Ok(())));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(verify(&old), Err(JwksError::Read { .. })));
}

#[test]
fn keys_of_other_kinds_are_left_out() {
    let issuer = Issuer::new("k", "ES256");
    let others = [
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": "AAAA"}),
        json!({"kty": "oct", "kid": "k", "k": "AAAA"}),
        json!({"kty": "RSA", "use": "enc", "kid": "k"}),
        json!({"kty": "RSA"}),
    ];
    let all = [others.as_slice(), &[issuer.jwk()]].concat();
    let jwks = json!({ "keys": all }).to_string();
    assert_eq!(verify(&jwks, &issuer.token(&claims(NOW)), NOW as f64), Ok(()));
    let error = Keys::parse(&json!({ "keys": others }).to_string()).unwrap_err();
    assert!(matches!(error, JwksError::Empty));
}

#[rstest]
#[case::no_set("[]", "must be JSON like")]
#[case::no_coordinates(
    r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k"}]}"#,
    "key 1 of the JWK set lacks a member"
)]
#[case::short(r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"AAAA","y":"AAAA"}]}"#, "another length")]
#[case::weak(r#"{"keys":[{"kty":"RSA","kid":"k","n":"wDmh","e":"AQAB"}]}"#, "2048 to 8192 bits")]
#[case::no_base64(r#"{"keys":[{"kty":"RSA","kid":"k","n":"wD+h","e":"AQAB"}]}"#, "not base64url")]
#[case::private(r#"{"keys":[{"kty":"RSA","kid":"k","d":"AQAB"}]}"#, "is private")]
#[case::many(&format!(r#"{{"keys":[{}{{"kty":"RSA"}}]}}"#, r#"{"kty":"RSA"},"#.repeat(32)), "more than 32 keys")]
#[case::large(&" ".repeat(64 * 1024 + 1), "larger than 65536 bytes")]
fn sets_that_can_not_be_used_say_why(#[case] jwks: &str, #[case] expected: &str) {
    let error = Keys::parse(jwks).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}
