using CoScientist.Core.Studies;
using CoScientist.Web.Components.Controls;
using CoScientist.Web.ViewModels;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;

namespace CoScientist.Web.Components.Pages.Compare;

/// <content>Keys and buttons, and where they lead.</content>
public sealed partial class ComparePair
{
    private static readonly (PreferenceChoice Choice, string Key, string Text, string Brief)[] s_choices =
    [
        (PreferenceChoice.A, "A", "Plan A is better", "A better"),
        (PreferenceChoice.Tie, "E", "Equally good", "Equal"),
        (PreferenceChoice.BothBad, "N", "Neither is acceptable", "Neither"),
        (PreferenceChoice.B, "B", "Plan B is better", "B better"),
    ];

    private static readonly Hotkey[] s_keys =
    [
        new("a", "Plan A is better"),
        new("b", "Plan B is better"),
        new("e", "Equally good"),
        new("n", "Neither is acceptable"),
        new("r", "Give a reason"),
        new("s", "Skip this pair"),
        new("f", "Flag this pair"),
        new("ctrl+enter", "Submit"),
        new("z", "Undo the last answer"),
    ];

    private static readonly Hotkey[] s_formKeys =
    [
        .. s_keys,
        new("arrowdown", "Next question"),
        new("arrowup", "Question before"),
        new("arrowright", "Next answer to the question"),
        new("arrowleft", "Answer before"),
        new("1", "Answer 1 to 9 to the question; 0 is ten"),
    ];

    private static readonly string[] s_numbers = ["2", "3", "4", "5", "6", "7", "8", "9", "0"];
    private static readonly string[] s_skips = ["Outside my field", "I know the authors or the paper", "I cannot read it"];
    private static readonly string[] s_flags = ["A plan is cut off", "A plan tells who wrote it", "The goal is not clear", "Text is broken"];

    private Task HandleAsync(string key)
    {
        switch (key)
        {
            case "a":
                return ChooseAsync(PreferenceChoice.A);
            case "b":
                return ChooseAsync(PreferenceChoice.B);
            case "e":
                return ChooseAsync(PreferenceChoice.Tie);
            case "n":
                return ChooseAsync(PreferenceChoice.BothBad);
            case "r":
                return OpenReasonAsync();
            case "s" or "f":
                return OpenAsideAsync(key == "s" ? Aside.Skip : Aside.Flag);
            case "z":
                return UndoAsync();
            case "arrowdown" or "arrowup":
                return MoveAsync(key == "arrowdown" ? 1 : -1);
            case "arrowright" or "arrowleft":
                return StepAsync(key == "arrowright" ? 1 : -1);
            case [>= '0' and <= '9']:
                return PickAsync(key[0] == '0' ? 9 : key[0] - '1');
            default:
                return SubmitAsync();
        }
    }

    // A second click, of a double click or on what has left the screen, was not meant for the next pair.
    private Task ClickAsync(MouseEventArgs click, BlindPair shown, Func<Task> act) => click.Detail > 1 || shown.Assignment != _pair?.Assignment ? Task.CompletedTask : act();

    private Task ChooseAsync(PreferenceChoice choice)
    {
        if (_busy || _pair is null)
        {
            return Task.CompletedTask;
        }

        if (AnswersAtOnce)
        {
            _values[AnswerField.Choice] = choice.ToString();
            return SubmitAsync();
        }

        var saving = SetAsync(AnswerField.Choice, choice.ToString());
        _current = FirstOpen() ?? _current;
        return saving;
    }

    private string? FirstOpen() => _questions.FirstOrDefault(q => !_values.ContainsKey(q.Name))?.Name;

    private Task AnswerQuestionAsync(string field, string value)
    {
        _current = field;
        return SetAsync(field, value);
    }

    private Task PickAsync(int option) => Current() is { } question && option < question.Options.Count ? SetAsync(question.Name, question.Options[option].Value) : Task.CompletedTask;

    private Task StepAsync(int by)
    {
        if (Current() is not { } question)
        {
            return Task.CompletedTask;
        }

        var at = _values.TryGetValue(question.Name, out var value) ? question.Options.Select(o => o.Value).ToList().IndexOf(value) + by : by > 0 ? 0 : question.Options.Count - 1;
        return at >= 0 && at < question.Options.Count ? SetAsync(question.Name, question.Options[at].Value) : Task.CompletedTask;
    }

    private AnswerQuestion? Current() => _questions.FirstOrDefault(q => q.Name == _current) ?? (_questions.Count > 0 ? _questions[0] : null);

    private async Task MoveAsync(int by)
    {
        var at = _questions.Select(q => q.Name).ToList().IndexOf(_current ?? "");
        if (_questions.Count > 0 && _module is not null)
        {
            _current = _questions[Math.Clamp(at + by, 0, _questions.Count - 1)].Name;
            StateHasChanged();
            await _module.InvokeVoidAsync("reveal", ".answer-question.current");
        }
    }

    private void ToggleReason() => _withReason = !_withReason || _study!.Form.ReasonRequired;

    private async Task OpenReasonAsync()
    {
        // A reason that is needed or begun stays open: the key leads to it.
        _withReason = !_withReason || _study!.Form.ReasonRequired || _reason.Length > 0;
        if (_withReason && _module is not null)
        {
            StateHasChanged();
            await _module.InvokeVoidAsync("focus", "reason");
        }
    }

    private void Toggle(Aside aside) => (_aside, _asideText) = (_aside == aside ? Aside.None : aside, aside == Aside.Flag ? _values.GetValueOrDefault(AnswerField.Flag) ?? "" : "");

    private async Task OpenAsideAsync(Aside aside)
    {
        Toggle(aside);
        if (_aside != Aside.None && _module is not null)
        {
            StateHasChanged();
            await _module.InvokeVoidAsync("focus", "aside");
        }
    }

    private Task AsideAsync() => _pair is not { } pair || _aside == Aside.None ? Task.CompletedTask : ActAsync(async expert =>
    {
        if (_aside == Aside.Skip)
        {
            _savedAt = await Store.SkipAsync(pair.Assignment, expert, _asideText, CancellationToken.None);
            _skipped = true;
            await LoadAsync(expert);
        }
        else
        {
            _savedAt = await Store.SaveFieldAsync(pair.Assignment, expert, AnswerField.Flag, _asideText, CancellationToken.None);
            _values[AnswerField.Flag] = _asideText;
            _aside = Aside.None;
        }
    });

    private async Task LinkAsync(ChangeEventArgs change)
    {
        _linked = change.Value is true;
        await (_module?.InvokeVoidAsync("link", _linked) ?? ValueTask.CompletedTask);
    }

    private async Task MarkStructureAsync(ChangeEventArgs change)
    {
        _structure = change.Value is true;
        await (_module?.InvokeVoidAsync("markStructure", _structure) ?? ValueTask.CompletedTask);
    }
}
