// Entry of every page. Pages read, search and submit without it; each module adds one comfort.
import { installCopy } from "./copy.js";
import { installDialogs } from "./dialogs.js";
import { installMenus } from "./menus.js";
import { installShortcuts } from "./shortcuts.js";
import { installTheme } from "./theme.js";

installCopy();
installDialogs();
installMenus();
installShortcuts();
installTheme();
