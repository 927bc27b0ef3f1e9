using System.Globalization;
using Microsoft.JSInterop;

namespace CoScientist.Web.ViewModels;

/// <summary>The time zone of the person at the browser, one per connection.</summary>
public sealed class UserZone
{
    private TimeZoneInfo? _zone;

    /// <summary>Raised when the browser has told its zone.</summary>
    public event Action? Changed;

    /// <summary>Asks the browser.</summary>
    public async Task LearnAsync(IJSRuntime js)
    {
        try
        {
            await using var module = await js.InvokeAsync<IJSObjectReference>("import", "/js/zone.js");
            if (TimeZoneInfo.TryFindSystemTimeZoneById(await module.InvokeAsync<string>("zone"), out var zone))
            {
                _zone = zone;
                Changed?.Invoke();
            }
        }
        catch (JSDisconnectedException)
        {
            // The browser has left the page already.
        }
    }

    /// <summary>The time in the zone, or in UTC and so marked while the zone is unknown.</summary>
    public string Format(DateTimeOffset at, string pattern) => _zone is null
        ? at.UtcDateTime.ToString(pattern, CultureInfo.InvariantCulture) + " UTC"
        : TimeZoneInfo.ConvertTime(at, _zone).ToString(pattern, CultureInfo.InvariantCulture);
}
