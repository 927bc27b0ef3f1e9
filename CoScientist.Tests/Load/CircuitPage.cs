using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CoScientist.Tests.Load;

/// <summary>
/// A page as Blazor's client script makes it live, without a browser: fetches the HTML, starts a circuit with the components that it names,
/// takes and confirms render batches, and plays the part of the page's own scripts (keys, time zone, time at work).
/// </summary>
internal sealed partial class CircuitPage : IAsyncDisposable
{
    private readonly Uri _address;
    private readonly CookieContainer _cookies;
    private readonly TimeSpan _lag;
    private readonly Action<IReadOnlyList<string>> _rendered;
    private CircuitConnection? _connection;
    private string? _secret;
    private long? _keys;
    private long? _work;
    private long _objects;
    private long _calls;

    private CircuitPage(Uri address, CookieContainer cookies, TimeSpan lag, Action<IReadOnlyList<string>> rendered) => (_address, _cookies, _lag, _rendered) = (address, cookies, lag, rendered);

    /// <summary>Whether the page listens to keys.</summary>
    public bool HasKeys => _keys is not null;

    /// <summary>What went wrong on the server, in its words; null when nothing did.</summary>
    public string? Fault { get; private set; }

    /// <summary>Ends when the connection does.</summary>
    public Task Disconnected => _connection!.Ended;

    /// <summary>Opens a page.</summary>
    /// <param name="http">Signed in with <paramref name="cookies"/>.</param>
    /// <param name="cookies">Who it is.</param>
    /// <param name="address">Address of the page.</param>
    /// <param name="lag">How long a slow person's machine takes to read and confirm each batch.</param>
    /// <param name="rendered">Called after each batch with its texts, one batch after the other.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="HttpRequestException">The server does not answer, or refuses.</exception>
    /// <exception cref="WebSocketException">The same of the circuit.</exception>
    public static async Task<CircuitPage> OpenAsync(HttpClient http, CookieContainer cookies, Uri address, TimeSpan lag, Action<IReadOnlyList<string>> rendered, CancellationToken cancellationToken)
    {
        using var answer = await http.GetAsync(address, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new HttpRequestException($"{address.PathAndQuery} answered {(int)answer.StatusCode}{(answer.Headers.Location is { } elsewhere ? $" and leads to {elsewhere}" : "")}.", inner: null, answer.StatusCode);
        }

        var html = await answer.Content.ReadAsStringAsync(cancellationToken);
        var page = new CircuitPage(address, cookies, lag, rendered);
        try
        {
            await page.StartAsync(html, cancellationToken);
            return page;
        }
        catch
        {
            await page.DisposeAsync();
            throw;
        }
    }

    /// <summary>Presses a key that the page knows.</summary>
    /// <exception cref="WebSocketException">The connection has ended.</exception>
    public async Task PressAsync(string key)
    {
        if (_work is not null)
        {
            await CallAsync(_work, "Worked", "[4000]");
        }

        await CallAsync(_keys, "PressedAsync", $"[\"{key}\",null]");
    }

    /// <summary>Loses the network.</summary>
    public void Cut() => _connection!.Cut();

    /// <summary>Connects anew to the same circuit; false when the server has it no more.</summary>
    /// <exception cref="WebSocketException">The server does not answer.</exception>
    public async Task<bool> ReconnectAsync(CancellationToken cancellationToken)
    {
        await _connection!.DisposeAsync();
        _connection = await CircuitConnection.OpenAsync(_address, _cookies, CalledAsync, cancellationToken);
        return await _connection.InvokeAsync("ConnectCircuit", _secret) is true;
    }

    public ValueTask DisposeAsync() => _connection?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task StartAsync(string html, CancellationToken cancellationToken)
    {
        var operations = new JsonArray();
        foreach (Match marker in Marker().Matches(html))
        {
            var component = JsonNode.Parse(marker.Groups[1].Value)!.AsObject();
            if (component.ContainsKey("descriptor"))
            {
                var number = operations.Count + 1;
                component["uniqueId"] = number - 1;
                operations.Add(new JsonObject { ["type"] = "add", ["ssrComponentId"] = number, ["marker"] = component });
            }
        }

        if (operations.Count == 0)
        {
            throw new InvalidDataException($"{_address.PathAndQuery} is not a page with a circuit.");
        }

        _connection = await CircuitConnection.OpenAsync(_address, _cookies, CalledAsync, cancellationToken);
        _secret = await _connection.InvokeAsync("StartCircuit", new Uri(_address, "/").ToString(), _address.ToString(), "[]", "") as string
            ?? throw new WebSocketException("The server started no circuit.");
        await _connection.SendAsync("UpdateRootComponents", new JsonObject { ["batchId"] = 1, ["operations"] = operations }.ToJsonString(), State().Match(html).Groups[1].Value);
    }

    private async Task CalledAsync(string target, object?[] arguments)
    {
        switch (target, arguments)
        {
            case ("JS.RenderBatch", [long batch, byte[] content]):
                if (_lag > TimeSpan.Zero)
                {
                    await Task.Delay(_lag);
                }

                _rendered(RenderBatch.Texts(content));
                await _connection!.SendAsync("OnRenderCompleted", batch, null);
                break;
            case ("JS.BeginInvokeJS", [long call, string function, var given, long kind, ..]):
                // The last batch of texts counts as rendered once the scripts have run.
                await AnswerAsync(call, function, given as string ?? "[]", kind);
                _rendered([]);
                break;
            case ("JS.EndInvokeDotNet", [_, false, var fault, ..]):
                Fail($"{fault}");
                break;
            case ("JS.Error", [var fault, ..]):
                Fail($"{fault}");
                break;
        }
    }

    /// <summary>Calls a method of the page's .NET object.</summary>
    private Task CallAsync(long? target, string method, string arguments) =>
        _connection!.SendAsync("BeginInvokeDotNetFromJS", (++_calls).ToString(System.Globalization.CultureInfo.InvariantCulture), null, method, target, arguments);

    private void Fail(string fault)
    {
        Fault = fault;
        _rendered([]);
    }

    /// <summary>What the scripts of the page would answer.</summary>
    private Task AnswerAsync(long call, string function, string given, long kind)
    {
        if (function is "listen" or "start")
        {
            long? page = long.Parse(ObjectReference().Match(given).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            (_keys, _work) = function == "listen" ? (page, _work) : (_keys, page);
        }

        // Kind 1 wants an object of the browser.
        var result = kind == 1
            ? new JsonObject { ["__jsObjectId"] = ++_objects }
            : function switch
            {
                "zone" => (JsonNode?)"UTC",
                "isOn" => true,
                _ => null,
            };
        return call == 0
            ? Task.CompletedTask
            : _connection!.SendAsync("EndInvokeJSFromDotNet", call, true, new JsonArray(call, true, result).ToJsonString(JsonSerializerOptions.Default));
    }

    [GeneratedRegex("<!--Blazor:(\\{.*?\\})-->")]
    private static partial Regex Marker();

    [GeneratedRegex("<!--Blazor-Server-Component-State:([A-Za-z0-9+/=]+)-->")]
    private static partial Regex State();

    [GeneratedRegex("\"__dotNetObject\":(\\d+)")]
    private static partial Regex ObjectReference();
}
