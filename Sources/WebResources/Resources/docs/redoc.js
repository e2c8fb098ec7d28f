// Shows /openapi.json in ReDoc.

const darkTheme = {
  colors: {
    primary: { main: "#6fcfae" },
    success: { main: "#7fd6a4" },
    error: { main: "#ff9d90" },
    warning: { main: "#f0c274" },
    text: { primary: "#ecebe4", secondary: "#aaa99f" },
    border: { dark: "#45494a", light: "#30332e" },
    responses: {
      success: { color: "#7fd6a4", backgroundColor: "#1e2f28", tabTextColor: "#7fd6a4" },
      error: { color: "#ff9d90", backgroundColor: "#3a211e", tabTextColor: "#ff9d90" },
      redirect: { color: "#f0c274", backgroundColor: "#33291a", tabTextColor: "#f0c274" },
      info: { color: "#8ab8ff", backgroundColor: "#1d2735", tabTextColor: "#8ab8ff" },
    },
  },
  schema: { nestedBackground: "#1d1f1c", linesColor: "#55806f", typeNameColor: "#aaa99f", typeTitleColor: "#aaa99f", requireLabelColor: "#ff9d90" },
  sidebar: { backgroundColor: "#131413", textColor: "#dad9d2", activeTextColor: "#6fcfae" },
  rightPanel: { backgroundColor: "#0f1010", textColor: "#ecebe4" },
  codeBlock: { backgroundColor: "#1b1d1c" },
  typography: { code: { color: "#ffb3a8", backgroundColor: "#262825" }, links: { color: "#6fcfae", visited: "#6fcfae", hover: "#8adcbf" } },
};

const dark = matchMedia("(prefers-color-scheme: dark)");

function show() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
  const options = { expandResponses: "200,201", nativeScrollbars: true, theme: dark.matches ? darkTheme : {} };
  // Its theme is that of its start: in another scheme it starts anew, in a place of its own.
  const place = document.createElement("div");
  place.id = "documentation";
  document.getElementById("documentation").replaceWith(place);
  Redoc.init("/openapi.json", options, place);
}

dark.addEventListener("change", show);
show();
