//! Tables and properties of the answer parser.

use super::*;
use crate::http::MAX_HEAD;
use proptest::prelude::*;
use rstest::rstest;

/// What became of an answer once its bytes and perhaps the end of the connection had come.
#[derive(Debug, PartialEq)]
enum Became {
    Answer(Answer),
    Partial,
    Malformed(Malformed),
    Ended(Ending),
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, no_body: bool, then_close: bool) -> Became {
    let mut parser = AnswerParser::new(no_body);
    for piece in pieces {
        match parser.feed(piece) {
            Ok(Progress::Partial) => {}
            Ok(Progress::Complete(answer)) => return Became::Answer(answer),
            Err(malformed) => return Became::Malformed(malformed),
        }
    }
    if then_close { Became::Ended(parser.end()) } else { Became::Partial }
}

fn whole(text: &str) -> Became {
    read([text.as_bytes()], false, false)
}

fn answer(status: u16, reusable: bool) -> Became {
    Became::Answer(Answer { status, reusable })
}

#[rstest]
#[case::length("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", answer(200, true))]
#[case::no_reason("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", answer(200, true))]
#[case::equal_lengths("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", answer(200, true))]
#[case::close("HTTP/1.1 503 No\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", answer(503, false))]
#[case::close_in_a_list(
    "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n",
    answer(200, false)
)]
#[case::http_1_0("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", answer(200, false))]
#[case::http_1_0_kept(
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    answer(200, true)
)]
#[case::no_content("HTTP/1.1 204 No Content\r\n\r\n", answer(204, true))]
#[case::not_modified("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", answer(304, true))]
#[case::interim(
    "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    answer(200, true)
)]
#[case::chunked(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    answer(200, true)
)]
#[case::trailers(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    answer(200, true)
)]
#[case::length_and_chunks(
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    answer(200, false)
)]
#[case::surplus("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP", answer(200, false))]
#[case::incomplete_head("HTTP/1.1 200 OK\r\nContent-Le", Became::Partial)]
#[case::incomplete_body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", Became::Partial)]
#[case::garbage("SSH-2.0-OpenSSH\r\n", Became::Malformed(Malformed::Head))]
#[case::upgrade("HTTP/1.1 101 Switching\r\n\r\n", Became::Malformed(Malformed::Upgrade))]
#[case::negative_length(
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    Became::Malformed(Malformed::ContentLength)
)]
#[case::lengths_differ(
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    Became::Malformed(Malformed::ContentLength)
)]
#[case::huge_length(
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    Became::Malformed(Malformed::BodyTooLong)
)]
#[case::chunk_size(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxy\r\n",
    Became::Malformed(Malformed::Chunk)
)]
#[case::no_chunk_size(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    Became::Malformed(Malformed::Chunk)
)]
#[case::chunk_end(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n",
    Became::Malformed(Malformed::Chunk)
)]
#[case::huge_chunk(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    Became::Malformed(Malformed::BodyTooLong)
)]
fn an_answer_is_read_as_the_protocol_says(#[case] text: &str, #[case] expected: Became) {
    assert_eq!(whole(text), expected);
}

#[test]
fn the_answer_to_a_head_request_has_no_body() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    assert_eq!(read([text.as_slice()], true, false), answer(200, true));
}

#[rstest]
#[case::nothing("", Ending::Nothing)]
#[case::head("HTTP/1.1 200", Ending::Truncated)]
#[case::interim("HTTP/1.1 100 Continue\r\n\r\n", Ending::Truncated)]
#[case::body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", Ending::Truncated)]
#[case::chunk("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", Ending::Truncated)]
#[case::until_close("HTTP/1.1 200 OK\r\n\r\nok", Ending::Complete(Answer { status: 200, reusable: false }))]
fn the_end_of_the_connection_ends_the_answer(#[case] text: &str, #[case] expected: Ending) {
    assert_eq!(read([text.as_bytes()], false, true), Became::Ended(expected));
}

#[test]
fn a_connection_carries_one_answer_after_the_other() {
    let mut parser = AnswerParser::new(false);
    for status in [200, 404, 200] {
        let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok");
        let expected = Progress::Complete(Answer { status, reusable: true });
        assert_eq!(parser.feed(text.as_bytes()), Ok(expected));
        assert_eq!(parser.end(), Ending::Nothing);
    }
}

#[test]
fn an_endless_head_is_cut_off() {
    let text = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD));
    assert_eq!(whole(&text), Became::Malformed(Malformed::HeadTooLong));
}

#[test]
fn an_endless_body_is_cut_off() {
    let mut parser = AnswerParser::new(false);
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let piece = vec![b'x'; 1 << 20];
    let pieces = (0..65).map(|_| parser.feed(&piece)).find(Result::is_err);
    assert_eq!(pieces, Some(Err(Malformed::BodyTooLong)));
}

fn valid_or_not() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        Just("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        Just("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Just("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Just("HTTP/1.0 200 OK\r\n\r\n"),
        Just(""),
    ];
    let body = prop_oneof![
        Just(b"0123456789".to_vec()),
        Just(b"3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    (head, body).prop_map(|(head, body)| [head.as_bytes(), &body].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_result(
        bytes in valid_or_not(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let (split, joined) = (read(pieces, false, true), read([bytes.as_slice()], false, true));
        match (split, joined) {
            // Surplus bytes that have not come yet cannot be seen.
            (Became::Answer(split), Became::Answer(joined)) => prop_assert_eq!(split.status, joined.status),
            (split, joined) => prop_assert_eq!(split, joined),
        }
    }

    #[test]
    fn one_byte_at_a_time_never_fails_a_valid_chunked_answer(sizes in prop::collection::vec(1usize..40, 0..8)) {
        let chunks: Vec<_> = sizes.iter().map(|size| format!("{size:X}\r\n{}\r\n", "x".repeat(*size))).collect();
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunks.concat());
        prop_assert_eq!(read(text.as_bytes().chunks(1), false, false), answer(200, true));
    }
}
