/** The only importer of the toolkit, so that it can be replaced in one place. */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
  vsCodeRadio,
  vsCodeRadioGroup,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import '@vscode/codicons/dist/codicon.css';

/**
 * Defines the custom elements that the pages use: vscode-button, -checkbox, -dropdown, -option, -panels, -radio, -text-field. Its badge and
 * progress ring are left out: their templates carry style attributes, which the content security policy refuses.
 */
export function defineComponents(): void {
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodePanels(),
    vsCodePanelTab(),
    vsCodePanelView(),
    vsCodeRadio(),
    vsCodeRadioGroup(),
    vsCodeTextField(),
  );
}
