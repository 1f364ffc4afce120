"""The tab Chat: any model or index on the disk, and the conversations that are kept."""

from typing import Any

import gradio as gr

from prosa.chat import CHAT_DECODING
from prosa.i18n import _
from prosa.server.studio.house import House
from prosa.server.studio.talk import AGAIN, Talk

# A Chatbot shows a message as HTML, and copies and edits it as it was sent. Messages are sent
# escaped (see `cited.exact`): this gives back what was said where one is copied or edited.
_EXACT = """() => {
  if (window.prosaExact) return;
  window.prosaExact = true;
  const text = html =>
    html.replace(/<.?summary>/g, '\\n').replace(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
  const chat = '.conversation';
  const write = navigator.clipboard?.writeText.bind(navigator.clipboard);
  if (write) navigator.clipboard.writeText = said =>
    write(window.event?.target?.closest?.(chat) ? text(said) : said);
  document.addEventListener('focusin', ({target}) => {
    if (target.tagName !== 'TEXTAREA' || !target.closest(chat) || target.dataset.exact) return;
    target.dataset.exact = true;
    target.value = text(target.value);
    target.dispatchEvent(new Event('input', {bubbles: true}));
  });
}"""


def build(house: House) -> None:
    """Put the tab's parts on the page."""
    current = gr.State("")
    with gr.Row():
        model = gr.Dropdown(label=_("Model or documents"), scale=4)
        begin = gr.Button(_("New conversation"), scale=1, min_width=160)
    chat = gr.Chatbot(
        label=_("Conversation"),
        show_label=False,
        elem_classes="conversation",
        height="55vh",
        min_height=260,
        editable="user",
        buttons=["copy"],
        render_markdown=False,
        latex_delimiters=[],
        placeholder=_("Say something to the model that is chosen above."),
    )
    box = gr.Textbox(
        show_label=False,
        label=_("Message"),
        placeholder=_("Message"),
        max_lines=8,
        submit_btn=True,
        stop_btn=False,
    )
    with gr.Accordion(_("How replies are drawn"), open=False):
        drawn = _settings()
    with gr.Accordion(_("Conversations"), open=False):
        words = gr.Textbox(label=_("Search in all conversations"), max_lines=1)
        kept = gr.Radio(label=_("Kept conversations"), elem_classes="tall")
        with gr.Row():
            title = gr.Textbox(label=_("Title"), max_lines=1, scale=3, submit_btn=_("Rename"))
            delete = gr.Button(_("Delete"), scale=1, min_width=120)

    talk = Talk(house)
    spoken = [current, model, *drawn]
    for event, act, inputs in (
        (box.submit, talk.say, [box, *spoken]),
        (chat.retry, talk.again, spoken),
        (chat.edit, talk.edit, spoken),
    ):
        shown = [chat, current, box, kept]
        house.when(event, act, inputs, shown, show_progress="hidden", concurrency_limit=None)
    house.when(box.stop, talk.stop, [current])
    house.when(chat.undo, talk.undo, [current], [chat, box])
    for event in (begin.click, chat.clear):
        house.when(event, talk.new, [current], [chat, current, kept, title])
    house.when(kept.input, talk.open, [kept, current, model], [chat, current, model, title])
    house.when(words.change, talk.listed, [words, current], [kept])
    house.when(title.submit, talk.rename, [title, current, words], [kept])
    house.when(delete.click, talk.delete, [current, words], [chat, current, kept, title])
    tab: Any = gr.context.Context.block
    root: Any = gr.context.Context.root_block
    house.when(house.model.change, talk.choose, [house.model], [model])
    for event in (tab.select, root.load):
        house.when(event, talk.choices, [model], [model])
        house.when(event, talk.listed, [words, current], [kept])
    root.load(None, js=_EXACT)


def _settings() -> list[Any]:
    """What the page lets a person set, in the order of `talk.decoding`."""
    usual = CHAT_DECODING
    again = _("0 gives the likeliest reply; asking again draws with {t}").format(t=AGAIN)
    with gr.Row():
        return [
            gr.Slider(0, 2, usual.temperature, step=0.1, label=_("Temperature"), info=again),
            gr.Slider(0.05, 1, usual.top_p, step=0.05, label=_("Share of probability (top-p)")),
            gr.Slider(0, 200, usual.top_k, step=1, label=_("Likeliest words (top-k)")),
            gr.Slider(1, 2, usual.repetition_penalty, step=0.05, label=_("Against repetition")),
            gr.Slider(1, 2000, usual.max_new_tokens, step=1, label=_("Longest reply, in tokens")),
        ]
