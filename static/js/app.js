// Entry of every page. Pages read, search and submit without it; each module adds one comfort.
import { installAttaching } from "./attach.js";
import { installConfirm } from "./confirm.js";
import { installCopy } from "./copy.js";
import { installMenus } from "./menus.js";
import { installPreview } from "./preview.js";
import { installShortcuts } from "./shortcuts.js";
import { installTabs } from "./tabs.js";
import { installTheme } from "./theme.js";

installAttaching();
installConfirm();
installCopy();
installMenus();
installPreview();
installShortcuts();
installTabs();
installTheme();
