// Boxes that scroll say so: data-more holds the sides on which there is more of their content, for the style sheet.

export function watchOverflow(box, signal) {
  const tell = () => {
    const { scrollTop, scrollLeft, scrollHeight, scrollWidth, clientHeight, clientWidth } = box;
    const hidden = {
      above: scrollTop, below: scrollHeight - clientHeight - scrollTop,
      before: scrollLeft, after: scrollWidth - clientWidth - scrollLeft,
    };
    box.dataset.more = Object.keys(hidden).filter((side) => hidden[side] > 1).join(" ");
  };
  const sizes = new ResizeObserver(tell);
  const watch = () => [box, ...box.children].forEach((each) => sizes.observe(each));
  const children = new MutationObserver(watch);
  watch();
  children.observe(box, { childList: true });
  box.addEventListener("scroll", tell, { signal, passive: true });
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    children.disconnect();
  });
}
