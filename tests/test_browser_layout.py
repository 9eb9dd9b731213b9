"""Where things are: controls keep their place, nothing is off the screen, on a window of 1280×720 and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser import ROOT, STILL, canvas_pixels, compare_with, open_app, painted, settle, visiting, watched

from explorer.views import viewer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

VIEWER = f"{ROOT}.viewer"
TABS = viewer.tabs()
MAPS = ("channels", "ratio", "modulation", "bits")  # tabs of more than a low screen holds
PHONE = {"width": 390, "height": 844}
CONTROLS = ":is(button, input, select, summary):not(.mae-notice *)"

# Texts that meet, or are not so many pixels apart on a line: each with those that follow.
OVERLAPPING = """([selector, gap]) => {
  const shown = [...document.querySelectorAll(selector)].filter((each) => each.offsetWidth && each.textContent);
  const rows = shown.map((each) => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return [each.textContent, range.getBoundingClientRect()];
  });
  const meet = (a, b) =>
    a.left < b.right + gap && b.left < a.right + gap && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
  const others = (a, i) => rows.slice(i + 1).filter(([, b]) => meet(a, b)).map(([text]) => text);
  return rows.map(([text, a], i) => [text, ...others(a, i)]).filter((each) => each.length > 1);
}"""

Box = dict[str, float]


def box(page: Page, selector: str) -> Box:
    found = page.locator(selector).first.bounding_box()
    assert found, selector
    return {side: round(found[side]) for side in ("x", "y", "width", "height")}  # type: ignore[literal-required]


def boxes(page: Page, *parts: str) -> dict[str, Box]:
    return {part: box(page, f"[data-part={part}]") for part in parts}


def set_tab(page: Page, tab: str) -> None:
    page.evaluate(f"{VIEWER}.inside.setTab({tab!r})")
    page.wait_for_function(f"{VIEWER}.isSettled() && !{VIEWER}.coming")


def inside_window(page: Page, found: Box) -> bool:
    size = page.viewport_size
    assert size
    return (
        min(found["x"], found["y"]) >= 0
        and found["x"] + found["width"] <= size["width"]
        and found["y"] + found["height"] <= size["height"]
    )


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, address, viewport=PHONE, has_touch=True) as page:
        open_app(page, address)
        yield page


# -- nothing moves under the pointer ----------------------------------------------------------------------------------


def test_the_picture_and_the_controls_stay_when_the_tab_changes(page: Page) -> None:
    def places() -> dict[str, Box]:
        found = boxes(page, "stage", "slider", "play", "zoomIn", "reference", "numbers", "tabs", "samples", "exports")
        return found | {tab: box(page, f"[role=tab][data-tab={tab}]") for tab in TABS}

    before = places()
    for tab in TABS[1:]:
        set_tab(page, tab)
        assert places() == before, tab


def test_the_plot_stays_when_a_comparison_is_chosen(page: Page) -> None:
    parts = ("plot", "verdict", "tabs", "stage", "samples", "slider", "reference")
    before = boxes(page, *parts)
    for codec in ("jpeg", "webp", ""):
        compare_with(page, codec)
        assert boxes(page, *parts) == before, codec


def test_the_controls_stay_when_the_model_or_the_mode_changes(page: Page) -> None:
    parts = ("stage", "zoomIn", "helpOpen", "tabs", "plot", "slider")
    before = boxes(page, *parts)
    for mode in ("flip", "signed", "beside", "split"):
        page.evaluate(f"{VIEWER}.modes.set({mode!r})")
        assert boxes(page, *parts) == before, mode
    page.evaluate(f"{VIEWER}.set({{ model: 'independent-512' }})")  # it has no other prior to choose
    page.wait_for_function(f"{VIEWER}.picture.model === 'independent-512'")
    settle(page)
    assert boxes(page, *parts) == before


@pytest.mark.parametrize("size", [{"width": 1280, "height": 720}, PHONE])
def test_next_stays_under_the_pointer_through_a_lesson(page: Page, size: Box) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    for lesson in ("bits", "ratio"):  # steps of several tabs, and of short and long texts
        page.evaluate(f"{VIEWER}.lessons.go('{lesson}.1')")
        page.wait_for_function(f"{VIEWER}.lessons.place === '{lesson}.1'")
        before = boxes(page, "lessonNext", "stage") if size != PHONE else boxes(page, "lessonNext")
        steps = page.evaluate(f"{VIEWER}.lessons.lessons.find(({{ id }}) => id === '{lesson}').steps.length")
        for step in range(2, steps + 1):
            page.click("[data-part=lessonNext]")
            page.wait_for_function(f"{VIEWER}.lessons.place === '{lesson}.{step}'")
            page.evaluate(f"{VIEWER}.player.stop()")
            assert boxes(page, *before) == before, step


# -- a window of 1280×720 ---------------------------------------------------------------------------------------------


SAYS_MORE = """(tab) => {
  const pane = document.querySelector(`[data-panel=${tab}]`);
  return document.querySelector("[data-part=more]").checkVisibility() === pane.scrollHeight - pane.clientHeight > 1;
}"""


def test_at_1280_by_720_every_tab_scrolls_in_its_pane_and_says_so(page: Page) -> None:
    for tab in TABS:
        set_tab(page, tab)
        for part in ("stage", "slider", "numbers", "samples", "choose", "exports"):
            assert inside_window(page, box(page, f"[data-part={part}]")), (tab, part)
        pane = page.locator(f"[data-panel={tab}]")
        page.wait_for_function(SAYS_MORE, arg=tab)  # after what fills the pane by and by
        hidden = pane.evaluate("(pane) => pane.scrollHeight - pane.clientHeight")
        assert pane.evaluate("(pane) => pane.clientHeight") >= 300, tab
        assert hidden > 1 or tab not in MAPS
        if hidden > 1:
            page.click("[data-part=more]")
            page.wait_for_function("(tab) => document.querySelector(`[data-panel=${tab}]`).scrollTop > 100", arg=tab)
            pane.evaluate("(pane) => pane.scrollTo(0, pane.scrollHeight)")
            page.wait_for_selector("[data-part=more]", state="hidden")


def test_three_rows_of_maps_are_in_sight_at_1280_by_720(page: Page) -> None:
    set_tab(page, "channels")
    pane, maps = box(page, "[data-panel=channels]"), box(page, "[data-panel=channels] .mae-multiples")
    pitch = page.evaluate(f"{VIEWER}.inside.views.channels.multiples.pitch[1]")
    assert (pane["y"] + pane["height"] - maps["y"]) / pitch >= 3


@pytest.mark.parametrize("tab", TABS)
def test_a_card_and_pins_leave_the_view_room(page: Page, tab: str) -> None:
    page.evaluate(f"{VIEWER}.state.apply({{ view: {tab!r}, pins: '4-10,12-20,20-30', element: '4-10' }})")
    settle(page)
    pane, inspect = box(page, f"[data-panel={tab}]"), box(page, "[data-part=inspect]")
    assert pane["height"] >= 190 and inspect["height"] <= 170
    for part in ("samples", "exports"):
        assert inside_window(page, box(page, f"[data-part={part}]")), part


# -- a phone ----------------------------------------------------------------------------------------------------------


def test_lambda_is_in_sight_wherever_a_phone_is_scrolled_to(phone: Page) -> None:
    for tab in TABS:
        set_tab(phone, tab)
        assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], tab
        panel = f"document.querySelector('[data-panel={tab}]')"
        for at in ("start", "center", "end"):
            phone.evaluate(f"{panel}.scrollIntoView({{ block: {at!r} }})")
            assert inside_window(phone, box(phone, "[data-part=slider]")), (tab, at)
    set_tab(phone, "ratio")
    phone.evaluate("document.querySelector('.mae-trio canvas').scrollIntoView({ block: 'start' })")
    slider, maps = box(phone, "[data-part=slider]"), box(phone, ".mae-trio .mae-large")
    assert inside_window(phone, maps) and maps["y"] + maps["height"] <= slider["y"]


def test_a_lesson_opens_where_a_phone_shows_it(phone: Page) -> None:
    phone.evaluate("scrollTo(0, document.body.scrollHeight)")
    phone.click("[data-part=lessonsOpen]")
    phone.click("[data-lesson=bits]")
    phone.wait_for_function(f"{VIEWER}.lessons.place === 'bits.1'")
    for part in ("lesson", "lessonTitle", "lessonNext", "lessonClose", "slider"):
        assert inside_window(phone, box(phone, f"[data-part={part}]")), part
    assert box(phone, "[data-part=lesson]")["height"] < PHONE["height"] * 0.4


def test_menus_open_on_a_phones_screen(phone: Page) -> None:
    for menu, content in (("exports", "exportList"), ("curves", "curveList"), ("playMenu", "playOptions")):
        phone.click(f"[data-part={menu}] > summary")
        assert inside_window(phone, box(phone, f"[data-part={content}]")), menu
        phone.keyboard.press("Escape")
        assert not phone.is_visible(f"[data-part={content}]")


def test_labels_on_a_phone_keep_apart(phone: Page) -> None:
    texts = (
        ".mae-ticks span, .mae-numbers :is(dt, dd), .mae-modes span, .mae-tabs button, .mae-hero b, .mae-compare span"
    )
    assert phone.evaluate(OVERLAPPING, [texts, 0]) == []
    compare_with(phone, "jpeg")
    assert phone.evaluate(OVERLAPPING, [texts, 0]) == []


def test_what_lies_over_the_picture_is_chosen_beside_it_on_a_phone(phone: Page) -> None:
    set_tab(phone, "bits")
    stage, choice, numbers = (box(phone, f"[data-part={part}]") for part in ("stage", "overlayBox", "numbers"))
    assert stage["y"] + stage["height"] < choice["y"] < numbers["y"]


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("width", [1280, 1440])
def test_numbers_of_a_large_picture_keep_apart(page: Page, width: int, approximate: bool) -> None:
    page.set_viewport_size({"width": width, "height": 720})
    show = f"""(approximate) => {{
      const point = {{ width: 4032, height: 3024, bytes: 1524096, bpp: 1.234, psnr: 38.88, ms_ssim: 0.9988,
        ssimulacra2: 68.8, estimated_bits: 15000000, approximate }};
      {VIEWER}.readout.show(point, null);
    }}"""
    page.evaluate(show, approximate)
    assert page.inner_text("[data-other=ssimulacra2]") == "100.0", "of the original, as of all that is alike"
    gap = 1 if approximate else 4
    assert page.evaluate(OVERLAPPING, [".mae-numbers :is(dt, dd)", gap]) == []


def test_no_more_is_announced_where_there_is_no_more(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.click("[data-part=paintOpen]")
    page.click("[data-part=paintCentre]")
    settle(page)
    page.wait_for_selector("[data-part=regions] td:has-text('%')")
    painted(page)
    pane = page.locator("[data-panel=rd]")
    hidden = pane.evaluate("({ scrollHeight, clientHeight }) => scrollHeight - clientHeight")
    assert (pane.get_attribute("data-more"), hidden) == ("", 0)


# -- messages ---------------------------------------------------------------------------------------------------------


def fail(page: Page, name: str = "holiday.png") -> None:
    page.set_input_files("[data-part=file]", {"name": name, "mimeType": "image/png", "buffer": b"not a picture"})
    page.wait_for_selector("[data-part=notice]:not(:empty)")


@pytest.mark.parametrize(
    ("size", "around"),
    [
        ({"width": 1280, "height": 720}, ".mae"),
        (PHONE, ".mae :is(.mae-bar, .mae-dock)"),
    ],
)
def test_a_message_covers_no_control_and_is_closed_by_button_or_escape(page: Page, size: Box, around: str) -> None:
    """On a phone: none of those that cannot be scrolled to another place."""
    page.set_viewport_size(size)  # type: ignore[arg-type]
    covered = """(selector) => [...document.querySelectorAll(selector)].filter((each) => {
      const { x, y, width, height } = each.getBoundingClientRect();
      const above = document.elementFromPoint(x + width / 2, y + height / 2);
      return each.checkVisibility() && above?.closest(".mae-notice");
    }).map((each) => each.outerHTML)"""
    for close in ("button", "Escape"):
        fail(page)
        assert "'holiday.png' is not a picture of a known format" in page.inner_text("[data-part=notice]")
        assert inside_window(page, box(page, "[data-part=notices]"))
        assert page.evaluate(covered, f"{around} {CONTROLS}") == []
        if close == "button":
            page.click("[data-part=noticeClose]")
        else:
            page.keyboard.press("Escape")
        assert not page.is_visible("[data-part=notices]")


def test_hints_go_by_themselves_and_what_went_wrong_stays(page: Page) -> None:
    page.clock.install()
    page.evaluate(f"{VIEWER}.notify('A hint.')")
    page.clock.run_for(7000)
    assert page.inner_text("[data-part=notice]") == "A hint."
    page.clock.run_for(2000)
    assert not page.is_visible("[data-part=notices]")
    page.evaluate(f"{VIEWER}.fail('This went wrong.')")
    page.evaluate(f"{VIEWER}.notify('')")
    page.clock.run_for(60_000)
    assert page.inner_text("[data-part=notice]") == "This went wrong."


# -- what cannot move says why ----------------------------------------------------------------------------------------


def test_play_is_off_and_says_why_where_there_is_one_lambda(page: Page) -> None:
    assert page.is_enabled("[data-part=play]")
    page.evaluate(f"{VIEWER}.player.start()")
    page.evaluate(f"{VIEWER}.set({{ model: 'independent-512' }})")
    page.wait_for_function(f"{VIEWER}.picture.model === 'independent-512'")
    assert page.is_disabled("[data-part=play]") and page.evaluate(STILL)
    assert "one λ" in page.get_attribute("[data-part=play]", "title")
    page.keyboard.press("k")
    assert page.get_attribute("[data-part=play]", "aria-pressed") == "false"
    assert "one λ" in page.inner_text("[data-part=notice]")
    assert page.evaluate("document.querySelector('[data-part=playMenu]').inert")


def test_once_starts_again_from_its_end(page: Page) -> None:
    page.evaluate(f"{VIEWER}.state.apply({{ lambda: 4096, turn: 'once', speed: 10, step: 1 }})")
    settle(page)
    page.keyboard.press("k")
    page.wait_for_function(f"{VIEWER}.wanted < 4096")
    page.wait_for_function(f"{VIEWER}.wanted === 4096 && {STILL}")


# -- words, the network, what a lesson speaks of ----------------------------------------------------------------------


def test_a_term_explains_itself_on_hover_focus_and_tap(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    tip, term = page.locator("[role=tooltip]"), page.locator("[data-part=numbers] [data-term=PSNR]")
    term.hover()
    tip.wait_for()
    assert "signal-to-noise" in tip.inner_text()
    assert term.get_attribute("aria-describedby") == tip.get_attribute("id")
    tip.hover()  # it can be pointed at
    page.keyboard.press("Escape")
    assert not tip.is_visible() and term.get_attribute("aria-describedby") is None
    page.focus("[data-part=numbers] [data-term=bpp]")
    page.keyboard.press("Tab")
    tip.wait_for()
    assert "signal-to-noise" in tip.inner_text() and inside_window(page, box(page, "[role=tooltip]"))
    page.keyboard.press("Tab")
    page.wait_for_function("document.querySelector('[role=tooltip]').textContent.includes('.mae file')")


def test_a_tap_on_a_phone_explains_a_term_and_another_closes_it(phone: Page) -> None:
    phone.tap("[data-part=numbers] [data-term='MS-SSIM']")
    phone.wait_for_selector("[role=tooltip]:popover-open")
    assert "structural" in phone.inner_text("[role=tooltip]") and inside_window(phone, box(phone, "[role=tooltip]"))
    phone.tap("[data-part=verdict]")
    phone.wait_for_selector("[role=tooltip]", state="hidden")  # a tap becomes a click a little later


def test_what_a_view_shows_is_behind_a_button_on_a_low_screen(page: Page) -> None:
    for tab in MAPS:
        set_tab(page, tab)
        about = f"[data-panel={tab}] .mae-about"
        assert not page.is_visible(about)
        page.click(f"[data-panel={tab}] .mae-info")
        assert page.inner_text("[role=tooltip]").split() == page.text_content(about).split()
        page.keyboard.press("Escape")


def test_the_help_has_every_word_of_the_issue(page: Page) -> None:
    page.keyboard.press("?")
    words = page.locator("[data-part=words] dt").all_inner_texts()
    for word in ("λ", "bpp, bits per pixel", "PSNR", "MS-SSIM", "BD-rate", "octave", "bottleneck", "prior", "spread"):
        assert word in words
    texts = page.locator("[data-part=words] dd").all_inner_texts()
    assert len(texts) == len(words) and all(text.endswith(".") for text in texts)


def test_the_plan_of_the_network_leads_to_its_layers(page: Page) -> None:
    page.click("[data-part=networkOpen]")
    labels = page.evaluate("[...document.querySelectorAll('.mae-network [role=button]')].map((g) => g.ariaLabel)")
    assert "analysis 1: conv 9×9 ↓4 → × m0(λ) → GDN, 128 channels of 192×128" in labels
    assert "synthesis 3: IGDN → × d2(λ) → conv 9×9 ↑4, 3 channels of 768×512" in labels
    page.click(".mae-network [aria-label^='synthesis 2']")
    page.wait_for_function(f"{VIEWER}.inside.tab === 'modulation'")
    state = page.evaluate(f"{VIEWER}.state.read()")
    assert (state["layer"], state["feature"]) == ("d1", "s1.mod") and not page.is_visible("[data-part=network]")
    page.click("[data-part=networkOpen]")
    page.focus(".mae-network [aria-label^='analysis 1']")
    page.keyboard.press("Enter")
    page.wait_for_function(f"{VIEWER}.state.read().layer === 'm0'")
    assert page.evaluate("document.activeElement.dataset.tab") == "modulation"
    page.evaluate(f"{VIEWER}.setModel('mae-hyperprior')")
    page.wait_for_function(f"{VIEWER}.picture.model === 'mae-hyperprior'")
    page.click("[data-part=networkOpen]")
    page.click(".mae-network [aria-label^='z:']")
    page.wait_for_function(f"{VIEWER}.inside.tab === 'channels' && {VIEWER}.state.read().values === 'z'")


ONE_POINTED_IN_SIGHT = """() => {
  const pointed = [...document.querySelectorAll("[data-pointed]")].map((each) => each.getBoundingClientRect());
  return pointed.length === 1 && pointed[0].top < innerHeight && pointed[0].bottom > 0;
}"""


@pytest.mark.parametrize("narrow", [False, True])
def test_every_step_of_a_lesson_points_at_what_it_speaks_of(page: Page, narrow: bool) -> None:
    page.emulate_media(reduced_motion="reduce")  # no smooth scrolling to wait for
    page.set_viewport_size(PHONE if narrow else {"width": 1280, "height": 720})  # type: ignore[arg-type]
    for lesson in page.evaluate(f"{VIEWER}.setup.lessons.map(({{ id, steps }}) => [id, steps.length])"):
        for step in range(1, lesson[1] + 1):
            place = f"{lesson[0]}.{step}"
            page.evaluate("(place) => document.querySelector('.mae').viewer.lessons.go(place)", place)
            page.wait_for_function(ONE_POINTED_IN_SIGHT)  # a tab that opens may still move what lies below it
    page.evaluate(f"{VIEWER}.lessons.close()")
    assert page.locator("[data-pointed]").count() == 0


# -- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["&hide=head", "#&hide=head", "#hide=head&", "?hide=head", "?__theme=light&hide=head#"])
def test_a_part_is_hidden_however_it_is_added_to_a_link(page: Page, address: str, end: str) -> None:
    open_app(page, f"{address}/{end}")
    assert not page.is_visible("#head")
    page.wait_for_function("location.hash === '#hide=head' && !location.search.includes('hide')")


@pytest.mark.parametrize("end", ["#hide", "#hide=nothing", "#=head", "&lambda=", "?lambda=-1", "#elsewhere=1"])
def test_a_link_that_cannot_be_followed_says_so(page: Page, address: str, end: str) -> None:
    open_app(page, f"{address}/{end}")
    page.wait_for_selector("[data-part=notice]:not(:empty)")
    notice = page.inner_text("[data-part=notice]")
    assert notice.startswith("This link was ignored: ") and notice.endswith(".")


# -- out of sight -----------------------------------------------------------------------------------------------------

# As in a notebook's cell below the window, of which JupyterLab lays out nothing.
HIDE = "addEventListener('DOMContentLoaded', () => (document.body.style.display = 'none'))"


@pytest.mark.parametrize("link", ["", *(f"#view={tab}&box=300,200,2&mode=beside" for tab in MAPS)])
def test_what_is_opened_out_of_sight_is_there_once_it_is_seen(context: BrowserContext, address: str, link: str) -> None:
    with watched(context, address) as page:
        page.add_init_script(HIDE)
        page.goto(address + link)
        page.wait_for_selector(".mae[data-state=ready][data-lmbda]", state="attached")
        page.evaluate(f"{VIEWER}.setLambda(600)")
        settle(page)
        assert page.evaluate(f"{VIEWER}.stage.size") == [0, 0]
        page.evaluate("document.body.style.display = ''")
        page.wait_for_function(f"{VIEWER}.stage.size[0]")
        painted(page)
        assert canvas_pixels(page, f"{VIEWER}.stage.canvases[0]").any()
        look, fitted = page.evaluate(f"[{VIEWER}.stage.look, {VIEWER}.stage.fitted]")
        assert fitted is not link.startswith("#") and (fitted or look == pytest.approx([300, 200, 2], abs=0.6))
