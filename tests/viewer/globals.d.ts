// The plot library, which a script of its own brings to the page.
interface Window {
  Plotly: any;
}
