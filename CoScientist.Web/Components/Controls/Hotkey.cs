namespace CoScientist.Web.Components.Controls;

/// <summary>A single-key command.</summary>
/// <param name="Key">Name of the key in lower case; "space"; "ctrl+enter" for a chord.</param>
/// <param name="Text">What it does, for the list of keys.</param>
public sealed record Hotkey(string Key, string Text);
